"""What proves a data set good: metrics, and a short trainer. torch is imported only below here."""
