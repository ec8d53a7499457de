"""What a base model knows of the facts of atlas, fact by fact (SliCK, Gekhman et al. 2024, arXiv 2405.05904)."""
