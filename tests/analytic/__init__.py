"""Analytic solids, their exact dose-volume metrics, and what dosecalc makes of them."""
