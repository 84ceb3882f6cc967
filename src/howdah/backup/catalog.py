"""What PostgreSQL's catalog is asked for a backup: statements that make the same tables again, in the server's words.

All of it is about the schema that is first in the search path; what belongs to an extension comes with the extension.
"""

# ruff: noqa: S608  (only constants of this module are put together)
from __future__ import annotations

_HERE = "current_schema()::regnamespace"
_OF_EXTENSION = (
    "EXISTS (SELECT 1 FROM pg_depend x WHERE x.objid = {oid} AND x.classid = '{kind}'::regclass AND x.deptype = 'e')"
)
_TABLE = f"c.relkind = 'r' AND c.relnamespace = {_HERE} AND NOT " + _OF_EXTENSION.format(oid="c.oid", kind="pg_class")
_SEQUENCE = (
    "'INCREMENT BY ' || q.seqincrement || ' MINVALUE ' || q.seqmin || ' MAXVALUE ' || q.seqmax || ' START WITH ' || "
    "q.seqstart || ' CACHE ' || q.seqcache || CASE WHEN q.seqcycle THEN ' CYCLE' ELSE '' END"
)

FOREIGN = f"""
SELECT 'relation', c.relname FROM pg_class c WHERE c.relkind IN ('v', 'm', 'p', 'f', 'c') AND c.relnamespace = {_HERE}
  AND NOT {_OF_EXTENSION.format(oid="c.oid", kind="pg_class")}
UNION ALL SELECT 'function', p.proname FROM pg_proc p WHERE p.pronamespace = {_HERE}
  AND NOT {_OF_EXTENSION.format(oid="p.oid", kind="pg_proc")}
UNION ALL SELECT 'type', t.typname FROM pg_type t WHERE t.typtype IN ('e', 'd', 'r') AND t.typnamespace = {_HERE}
  AND NOT {_OF_EXTENSION.format(oid="t.oid", kind="pg_type")}
UNION ALL SELECT 'trigger', t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid AND {_TABLE}
  WHERE NOT t.tgisinternal
UNION ALL SELECT 'rule', r.rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class AND {_TABLE}
UNION ALL SELECT 'policy', p.polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid AND {_TABLE}
UNION ALL SELECT 'inheritance of table', c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid AND {_TABLE}
UNION ALL SELECT 'large object', oid::text FROM pg_largeobject_metadata
"""
"""What `CREATE` and `FINISH` have no words for: kind and name of each."""

_EXTENSIONS = f"""
SELECT 1, e.extname, 'CREATE EXTENSION IF NOT EXISTS ' || quote_ident(e.extname) || ' WITH SCHEMA ' ||
  quote_ident(n.nspname)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname <> 'plpgsql' AND (
  EXISTS (SELECT 1 FROM pg_available_extension_versions v WHERE v.name = e.extname AND v.trusted)
  OR EXISTS (SELECT 1 FROM pg_depend part JOIN pg_depend used
    ON used.refclassid = part.classid AND used.refobjid = part.objid JOIN pg_class c ON c.oid = used.objid
    WHERE part.refobjid = e.oid AND part.deptype = 'e' AND used.classid = 'pg_class'::regclass
    AND c.relnamespace = {_HERE}))
"""

_SEQUENCES = f"""
SELECT 2, c.relname, 'CREATE SEQUENCE ' || quote_ident(c.relname) || ' AS ' || format_type(q.seqtypid, NULL) || ' ' ||
  {_SEQUENCE}
FROM pg_sequence q JOIN pg_class c ON c.oid = q.seqrelid
WHERE c.relnamespace = {_HERE}
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('i', 'e'))
"""

_COLUMN = f"""
quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
|| CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
   THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END
|| CASE WHEN a.attgenerated = 's' THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'
   WHEN d.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) ELSE '' END
|| CASE WHEN a.attidentity <> '' THEN ' GENERATED ' || CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END
   || ' AS IDENTITY (SEQUENCE NAME ' || quote_ident(s.relname) || ' ' || {_SEQUENCE} || ')' ELSE '' END
|| CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
"""

_TABLES = f"""
SELECT 3, c.relname, 'CREATE ' || CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END || 'TABLE ' ||
  quote_ident(c.relname) || ' (' || coalesce(string_agg({_COLUMN}, ', ' ORDER BY a.attnum), '') || ')' ||
  coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '')
FROM pg_class c
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_depend o ON a.attidentity <> '' AND o.refobjid = c.oid AND o.refobjsubid = a.attnum AND o.deptype = 'i'
  AND o.classid = 'pg_class'::regclass
LEFT JOIN pg_class s ON s.oid = o.objid
LEFT JOIN pg_sequence q ON q.seqrelid = s.oid
WHERE {_TABLE} GROUP BY c.oid, c.relname, c.relpersistence, c.reloptions
"""

_CONSTRAINTS = f"""
SELECT CASE k.contype WHEN 'f' THEN 3 ELSE 1 END, k.conname, 'ALTER TABLE ' || quote_ident(c.relname) ||
  ' ADD CONSTRAINT ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid AND {_TABLE} WHERE k.contype IN ('p', 'u', 'c', 'x', 'f')
"""

_INDEXES = f"""
SELECT 2, i.relname, pg_get_indexdef(i.oid) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class c ON c.oid = x.indrelid AND {_TABLE}
WHERE NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x'))
"""

_OWNERS = f"""
SELECT 4, s.relname, 'ALTER SEQUENCE ' || quote_ident(s.relname) || ' OWNED BY ' || quote_ident(c.relname) || '.' ||
  quote_ident(a.attname)
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
JOIN pg_class c ON c.oid = d.refobjid AND {_TABLE}
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE d.deptype = 'a' AND d.classid = 'pg_class'::regclass
"""

_COMMENTS = f"""
SELECT 5, c.relname, CASE WHEN d.objsubid = 0 THEN 'COMMENT ON TABLE ' || quote_ident(c.relname)
  ELSE 'COMMENT ON COLUMN ' || quote_ident(c.relname) || '.' || quote_ident(a.attname) END
  || ' IS ' || quote_literal(d.description)
FROM pg_description d JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass AND {_TABLE}
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid
"""


def _in_order(*parts: str) -> str:
    union = " UNION ALL ".join(parts)
    return f'SELECT said FROM ({union}) AS found (rank, name, said) ORDER BY rank, name COLLATE "C", said COLLATE "C"'


CREATE = _in_order(_EXTENSIONS, _SEQUENCES, _TABLES)
"""Statements that come before the rows."""

FINISH = _in_order(_CONSTRAINTS, _INDEXES, _OWNERS, _COMMENTS)
"""Statements that come after the rows."""

TABLES = f"""
SELECT c.relname,
  coalesce(array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attgenerated = ''), ARRAY[]::name[])
FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE {_TABLE} GROUP BY c.relname ORDER BY c.relname
"""
"""Each table, and its columns that are not computed."""

SEQUENCES = f"""
SELECT c.relname FROM pg_class c WHERE c.relkind = 'S' AND c.relnamespace = {_HERE} AND NOT
{_OF_EXTENSION.format(oid="c.oid", kind="pg_class")} ORDER BY c.relname
"""
