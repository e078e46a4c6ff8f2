"""The pages of editors and operators."""
