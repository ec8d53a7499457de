"""Speed, measured as ratios within one run; no tests that pass or fail. Part of run."""
