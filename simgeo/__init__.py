"""Synthetic experiments on representation geometry."""
