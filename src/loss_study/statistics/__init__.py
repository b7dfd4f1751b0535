"""What can be concluded from the trials: intervals, and which differences between losses are more than chance."""
