"""The claims of Ghosh et al. (ICML 2024, arXiv 2402.05119) as executable, falsifiable pytest cases."""

__version__ = "0.1.0"
