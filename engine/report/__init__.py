"""What people look at and take home: figures, tables, sentences, files. Pure functions of data frames."""
