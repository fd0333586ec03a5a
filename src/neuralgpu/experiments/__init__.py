"""The paper's figures and tables: one module each, which says what is run, what is measured and what is drawn."""
