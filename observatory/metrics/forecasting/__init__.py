"""What is to come: daily amounts with a weekly rhythm, carried on by exponential smoothing with a damped trend."""
