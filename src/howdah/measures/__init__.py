"""How good predictions are, by the standard measures of each kind of label; and the metrics that commits hold.

Pure but for reading folders, with the standard library alone. The same labels and predictions give the same bytes.
"""
