"""Backups and what becomes of them: no Django here, so that a restore needs nothing but an empty database.

manifest    what a backup's folder holds and how to tell whether it is whole; pure
programs    pg_dump and pg_restore, as new as the server
backup      one consistent snapshot into a folder
restore     a folder into an empty database
"""
