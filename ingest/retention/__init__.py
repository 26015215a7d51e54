"""How long things are kept: horizons that only move forward, rows that then go, weeks that are dropped."""
