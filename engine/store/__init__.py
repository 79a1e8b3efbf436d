"""The only truth: studies, jobs, results. SQLAlchemy stays in here."""
