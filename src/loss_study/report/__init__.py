"""What a person reads after the study: the ranking, the tables, the panels and the page."""
