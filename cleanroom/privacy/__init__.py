"""Exact losses, sensitivities, noise, suppression lines and intervals; knows no data or storage.

Papers, cited by key in this package:

- BS16: M. Bun, T. Steinke, "Concentrated Differential Privacy", TCC 2016.
- CKS20: C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential Privacy",
  NeurIPS 2020, arXiv:2004.00010.
- F54: E. Fieller, "Some Problems in Interval Estimation", JRSS B 16 (1954).

`mechanism.py` is the one door to OpenDP.
"""
