"""Spreadsheets that people send: CSV and XLSX read into rows, and objects made from rows, refused by row and column."""
