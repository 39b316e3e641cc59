"""The studies, one file each, and what they share."""
