"""The tables of the report for DVC and spreadsheets, one module for each file."""
