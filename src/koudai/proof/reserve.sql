-- moment: the time now
SELECT clock_timestamp()
