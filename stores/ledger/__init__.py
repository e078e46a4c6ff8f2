"""The ledger: one relational store that is the truth; a file a subject."""
