"""Every word that a report uses in a sense of its own."""

FRONT_STATES = (
    ("better", "the first method is better"),
    ("worse", "the second is better"),
    ("not told apart", "not told apart"),
)
LEGEND: tuple[tuple[str, str], ...] = (
    ("SUPPORTED", "the whole interval lies on the claim's side of the margin; of a claim: every case does"),
    ("REFUTED", "the whole interval lies on the other side; of a claim: one case does, after Holm's correction. "
                "Not always the opposite: an effect of the claimed sign that is too small refutes, too"),
    ("INCONCLUSIVE", "the interval holds the margin, or something named in the reason keeps the numbers from being a "
                     "verdict; it is no evidence of no effect"),
    ("effect", "left minus right of what is compared, all else equal, with its 95% interval (90% for no-change)"),
    ("d, margin", "the smallest effect that would matter, declared with its reason in the claim's file"),
    ("published", "the paper's own tables, audited"),
    ("measured", "models that were tuned here"),
    ("arm", "what the two sides of a measured comparison share"),
    ("shared-rate", "one learning rate for both sides, the paper's design; the verdict is that at the headline rate"),
    ("headline rate", "the learning rate whose verdict is the case's, declared before anything was measured"),
    ("fair", "each side at its own best learning rate, chosen on tuning seeds that give no verdict"),
    ("equal-loss", "both sides where they have the same training loss"),
    ("equal-learning", "both sides where they have learned the same share of the new facts, along learning rates or, "
                       "'within a run', along the updates of one training"),
    ("own text", "a shift of token distributions, read along each tuned model's own answers, as in the "
                 "paper: it heads its claim"),
    ("common text", "the same shift, read along the base's answers, so on one text for both sides"),
    ("kept", "share of held-out facts that the base knows, and the tuned model still answers right"),
    ("learned", "share of the new facts in the tuning data that the tuned model answers right, of those that its base "
                "does not; a base has learned nothing"),
    ("learned equal, unequal", "the interval of the difference of what both sides learned lies within ±0.10, or "
                               "outside"),
    ("learned unknown", "that interval straddles +0.10 or −0.10, or there is none, as where a training diverged"),
    ("learned not defined", "the data teach nothing new"),
    ("better, worse", "of two methods: keeps or learns more, and neither less, each by an interval outside its margin"),
    ("not told apart", "neither: one keeps more and the other learns more, both do as much, or an interval "
                       "holds its margin"),
    ("no room", "the reference side lies so near a bound that one of the verdicts could not be reached; INCONCLUSIVE"),
    ("point", "rests on comparisons of single runs, whose spread between trainings nobody knows"),
    ("sanity", "true by construction: tests the benchmark and counts in no summary"),
    ("pilot", "numbers of cells too few or too short for a verdict"),
    ("≠", "arms or texts of one claim, or equal learning along rates and within a run, have different verdicts; they "
           "contradict where one is SUPPORTED and another REFUTED"),
    ("differ", "kinds of evidence of one claim have different verdicts"),
    ("drift, changed", "the verdict is not the recorded one: within chance of the recorded effect, or beyond it"),
    ("incomplete", "not all cases of the claim were judged, and none of those that were refutes it"),
    ("not run", "declared and selected, but not possible here; the reason stands with it"),
    ("not asked", "the run's profile declares no case of this kind"),
)  # fmt: skip
