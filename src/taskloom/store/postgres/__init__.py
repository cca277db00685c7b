"""The PostgreSQL store: any number of servers over one database."""
