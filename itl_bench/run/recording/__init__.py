"""What a run leaves behind: its record, and the verdicts that later runs expect. Part of run."""
