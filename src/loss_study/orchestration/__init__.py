"""The stages run by several DVC processes at once on one machine, and the repair of what a killed DVC leaves."""
