"""What a judge is worth: against recorded judgements, and against answers that tell it what to say."""
