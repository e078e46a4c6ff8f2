"""One file a format; the contract is in ``producers/import_contract.py``."""
