"""The only package that speaks SQL: models, migrations, one question per function."""
