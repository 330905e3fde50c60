-- GR G3: counted once a minute, 60 ms at the product's maximum of a million.
SELECT count(*) FROM verdicts WHERE removed = 0 AND until > ?

-- Once at start, and by verify: a row a log, of which each process has one.
SELECT coalesce(source, ''), coalesce(n, 0), coalesce(hash, x''), seq FROM (SELECT coalesce(max(seq), 0) AS seq FROM sources_seq) LEFT JOIN sources
