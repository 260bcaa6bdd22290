/** Every number the service promises or keeps to, its unit in its name; those of what is live are in live-limits.ts. */

/** D1 refuses a string, BLOB or row over 2,000,000 bytes; the rest is room for the row's other columns. */
export const DOCUMENT_MAX_BYTES = 1_900_000
/** The same as it is sent: a text may be escaped (`\u00e9`, three times as long as `é`), and all of it indented. */
export const DOCUMENT_BODY_MAX_BYTES = 8_000_000
/** Keys of Workers KV end here, and every name in a URI keeps to the same. */
export const NAME_MAX_BYTES = 512
/** Largest JSON body that is read into memory: Workers have 128 MB, and text, tree and chunks live at once. */
export const BODY_MAX_BYTES = 16_000_000
/** A key's value that D1 holds itself, and that travels in JSON; base64 makes of it 1.4 MB at most, and a row holds 2. */
export const KEY_VALUE_MAX_BYTES = 1_000_000
/** A key's value sent as a body: what one entry of Workers KV holds. */
export const KEY_BODY_MAX_BYTES = 26_214_400
/** Of a value's media type: it stands in the metadata of Workers KV, which end at 1,024 bytes. */
export const CONTENT_TYPE_MAX_CHARACTERS = 200
/** A large value that no key names is removed after this: its write may still be under way before. */
export const BLOB_KEEP_MILLISECONDS = 3_600_000
/** Large values that one sweep removes; each is a call to Workers KV, of which a request has 1,000. */
export const BLOB_SWEEP_COUNT = 500
/** An `expire_in`: 31 years, far from where any clock or counter ends. */
export const EXPIRE_MAX_SECONDS = 1_000_000_000
/** What a key is to do when it expires, as JSON text: it stands in the index. */
export const ON_EXPIRE_MAX_BYTES = 10_000
/** Keys with something to do that one sweep looks at; each is a transaction of its own. */
export const ON_EXPIRE_KEYS_AT_ONCE = 20
/** Values in one answer of the list of keys; all of them are in memory at once. */
export const KEY_LIST_MAX_BYTES = 8_000_000
/** Keys that a request may look at to find or count those that match; each is a row read. */
export const KEY_LIST_SCAN_ROWS = 100_000
/** A pattern of names. Names end at 512 bytes; escapes and brackets are longer than what they stand for. */
export const KEY_PATTERN_MAX_CHARACTERS = 1_024
/** Comparisons of a pattern with names that a request may make, at worst: a second, measured where no comparison can be spared. */
export const KEY_LIST_MAX_STEPS = 100_000_000
/** Operations of a batch of keys: each may be a write to Workers KV, of which a request has 1,000 on the free plan. */
export const KEY_BATCH_MAX_OPERATIONS = 1_000
/** Statements of the transaction that a batch of keys is: with what it sweeps, reading before and settling after, 40 queries. */
export const KEY_BATCH_MAX_STATEMENTS = 34
/** Keys deleted by one pattern: each is a call to Workers KV, of which a request has 10,000 on the paid plan. */
export const KEYS_DELETE_MAX = 9_000
/** Bodies nest no deeper, so that no recursive reader can be made to overflow. */
export const JSON_MAX_DEPTH = 100
/** Operations of one JSON Patch. */
export const JSON_PATCH_MAX_OPERATIONS = 1_000
/** Characters that the copies of one JSON Patch may have together. */
export const JSON_PATCH_MAX_COPIED = 8_000_000
/** A patch that is read, applied and written back is tried as often; with five queries each, of 40. */
export const PATCH_MAX_ATTEMPTS = 6
/** A 412 tells the changes since the caller's ETag when they are among the newest so many of all … */
export const MERGE_MAX_REVISIONS = 2_000
/** … no more than this … */
export const MERGE_MAX_CHANGES = 100
/** … and no larger together. */
export const MERGE_MAX_BYTES = 1_000_000
/** A handler of a resource of one's own runs as often, while others change what it read; ten queries each, of 40. */
export const HANDLER_MAX_ATTEMPTS = 4
/** Who has the turn to write a URI loses it after this: it may have died. */
export const TURN_MAX_MILLISECONDS = 10_000
/** Change rows larger than this keep no body; who follows is sent the state instead. */
export const CHANGE_BODY_MAX_BYTES = 64_000
/** Workers KV keeps an entry at least this long (its `expiration_ttl` floor). */
export const KV_TTL_MIN_SECONDS = 60
/** Workers KV takes one write a second for each key. */
export const KV_WRITE_INTERVAL_MILLISECONDS = 1_000
/** How old what Workers KV answers may be elsewhere than where it was written. */
export const KV_STALE_MILLISECONDS = 60_000
/** Changes in a step of the hourly look whether Workers KV has what the index says … */
export const KEYS_CHECKED_AT_ONCE = 1_000
/** … and its steps; what is left waits for the next hour. */
export const KEYS_CHECK_STEPS = 5
/** Pages of a run of the look at all copies after a restore, and how many of them it repairs: each takes a request. */
export const KEYS_RESTORED_STEPS = 4
export const KEYS_RESTORED_REPAIRS = 400
/** Values one bulk read of Workers KV may ask for. */
export const KV_BULK_MAX_KEYS = 100
/** Changes that one request for a page of those of some URIs looks at. */
export const CHANGES_LOOK_ROWS = 5_000
/** Changes read from the journal at a time. */
export const CHANGES_PAGE_ROWS = 500
/** The journal keeps at least what happened in this time … */
export const CHANGES_KEEP_MILLISECONDS = 7 * 24 * 3_600_000
/** … and at most this many changes. */
export const CHANGES_KEEP_ROWS = 100_000
/** Steps of one trimming, each a few queries: what is left is trimmed an hour later. */
export const TRIM_MAX_STEPS = 4
/** Changes of documents that one step of trimming folds into what they made of the documents. */
export const TRIM_MAX_FOLDED = 5_000
/** Changes of keys not yet known to be in Workers KV whose values one step of trimming keeps in the index … */
export const TRIM_MAX_KEPT_KEYS = 5_000
/** … and the bytes of them, so that what is read and written at once stays within what D1 does for a request. */
export const TRIM_MAX_KEPT_BYTES = 4_000_000
/** Entries of one page of a document's history, of CHANGE_BODY_MAX_BYTES each. */
export const HISTORY_MAX_ENTRIES = 100
/** `From`: a mailbox has 254 bytes at most (RFC 5321), a name less. */
export const FROM_MAX_CHARACTERS = 254
/** Answers of a list without `limit`. */
export const LIST_MAX_ITEMS = 10_000
/** Tests in one `where`, and what may stand within each other there: D1 bounds an expression's depth at 100, its text at 100 KB. */
export const WHERE_MAX_TERMS = 100
export const WHERE_MAX_DEPTH = 12
/** Paths in one `sort`; each is in every cursor. */
export const SORT_MAX_KEYS = 4
/** Texts are sorted by so many characters of their beginning, because cursors carry them in URIs. */
export const SORT_TEXT_CHARACTERS = 100
/** Paths in one `fields`. */
export const FIELDS_MAX_PATHS = 100
/** Documents that a request may look at to filter, sort or count them; each is a row read. */
export const DOCUMENT_LIST_SCAN_ROWS = 100_000
/** Tests of a `where` times documents that a request may look at: two seconds, measured where all are the costliest. */
export const DOCUMENT_LIST_MAX_TESTS = 1_000_000
/** Data in one answer of the list of documents; all of it is in memory at once. */
export const DOCUMENT_LIST_MAX_BYTES = 8_000_000
/** Columns of a series. Each costs a place in every chunk's header and statistics. */
export const SERIES_MAX_COLUMNS = 2_000
/** Packed chunks that are read at a time; as text they may be ten times as long. */
export const SERIES_PAGE_BYTES = 4_000_000
/** Packed chunks that one answer is made of: a request has 40 queries, and no page is larger than 10 MB. */
export const SERIES_READ_MAX_BYTES = 300_000_000
/** Values of a piece of a series, the unit in which long answers are made. */
export const SERIES_PIECE_CELLS = 10_000
/** Rows times columns of an answer that is in memory whole: doubles of 8 bytes, in a Worker of 128 MB. */
export const SERIES_HELD_MAX_CELLS = 8_000_000
/** Rows among which `max_points` chooses where they cannot be held whole: a stamp, a value and a number of each can. */
export const SERIES_THIN_MAX_ROWS = 4_000_000
/** Rows of `latest` and `limit` that are looked for at the edge of a series instead of in all of it. */
export const SERIES_EDGE_MAX_ROWS = 20_000
/** Operations of a batch. */
export const BATCH_MAX_OPERATIONS = 40
/**
 * Statements of the transaction that a batch is: a write of a document takes 3 to 5, of a series about 10. D1 does not
 * say whether each counts as a query; a request may have 1,000, on the free plan 50.
 */
export const BATCH_MAX_STATEMENTS = 600
/** Queries of a request; the free plan of D1 allows 50. */
export const REQUEST_MAX_QUERIES = 40
/** Chunks that a page of the list of series counts; each is a row read. */
export const SERIES_LIST_MAX_CHUNKS = 50_000
/** Bytes of an answer that is sent whole, with its length; longer ones stream. */
export const ANSWER_WHOLE_MAX_BYTES = 1_000_000
/** Cells of a resampled frame, its index included: cells, places and labels of all buckets are in memory at once. */
export const RESAMPLE_MAX_CELLS = 2_000_000
/** Rows times columns of one payload, absent cells included: they are all in memory at once, text and values. */
export const SERIES_MAX_CELLS = 2_000_000
/** Rows of a chunk, the unit in which series are stored and read. */
export const SERIES_CHUNK_ROWS = 2_000
/** Values of a chunk: wide frames get chunks of fewer rows, so that reading one stays cheap. */
export const SERIES_CHUNK_CELLS = 100_000
/** Text of a chunk with its statistics: a D1 row holds 2,000,000 bytes. */
export const SERIES_CHUNK_MAX_BYTES = 1_800_000
/** A write of one chunk goes to the tail of its series if it has no more rows than this … */
export const SERIES_TAIL_WRITE_ROWS = 100
/** … and no more text, because every such write writes the whole tail anew … */
export const SERIES_TAIL_WRITE_CHARACTERS = 2_000
/** … and if there is room: the largest of such writes still find it for half of a compaction's worth. */
export const SERIES_TAIL_MAX_CHARACTERS = 64_000
/** Parts that a compaction leaves in the tail where none of them can be folded. */
export const SERIES_TAIL_KEPT_PARTS = 32
/** A series is compacted after as many small chunks. */
export const SERIES_DEBT_MAX = 64
/** The schedule compacts from as many: less would cost more than it saves. */
export const SERIES_DEBT_WORTHWHILE = 16
/** Values and text that one step of a compaction has in memory at most. */
export const SERIES_COMPACT_CELLS = 500_000
export const SERIES_COMPACT_BYTES = 8_000_000
/** D1 queries of the compactions of the hourly schedule: the free plan allows 50 in all. */
export const SCHEDULE_MAX_QUERIES = 40
/** Series of a reference whose retention is set: each is a change, all of them in one commit. */
export const SERIES_RETAIN_MAX = 20_000
/** Series that an hour's run tells of rows which the clock took away … */
export const RETENTION_TOLD_SERIES = 500
/** … and those it deletes hidden chunks of, … */
export const RETENTION_CLEAN_SERIES = 1_000
/** … so many at most: each is five rows written. */
export const RETENTION_CLEAN_CHUNKS = 5_000
/** Ranges that one patch may take away. */
export const SERIES_MAX_REMOVED = 1_000
/** Text of one parameter of a statement: D1 takes 2,000,000 bytes. */
export const DATABASE_TEXT_MAX_BYTES = 1_900_000
/** Longest line of an import of documents: the longest document, with a name and some escapes. */
export const DOCUMENT_LINE_MAX_BYTES = 2_000_000
/** Documents of one import: one transaction writes a few rows for each. */
export const IMPORT_MAX_DOCUMENTS = 100_000
/** Parameters of DATABASE_TEXT_MAX_BYTES in a statement that stages documents or packed rows. */
export const IMPORT_PARTS_AT_ONCE = 4
/** Documents of an export that one query answers … */
export const EXPORT_PAGE_ROWS = 10_000
/** … their bytes … */
export const EXPORT_PAGE_BYTES = 8_000_000
/** … and how many such queries one request makes. */
export const EXPORT_MAX_PAGES = 38
/** Longest line of CSV, JSON lines or line protocol: a chunk could not hold much more than one such text. */
export const LINE_MAX_BYTES = 1_000_000
/** Largest import by stream, counted after it was unzipped: some ten seconds of parsing. */
export const IMPORT_MAX_BYTES = 200_000_000
/** An import by stream has at most this many rows in memory at once … */
export const IMPORT_BATCH_ROWS = 5_000
/** … of this many characters in all … */
export const IMPORT_BATCH_CHARACTERS = 2_000_000
/** … and this many cells: with few rows, but a thousand columns, absent ones count too. */
export const IMPORT_BATCH_CELLS = 500_000
/** Rows that an import holds back until they fill chunks, as weighed in memory. */
export const IMPORT_HELD_MAX_BYTES = 24_000_000
/** Series that one request of line protocol may write: all of them are in one transaction. */
export const IMPORT_MAX_SERIES = 2_000
/** Statements that stage packed rows, before the commit: with it, 40 queries. */
export const IMPORT_MAX_STAGED = 26
/** The same of an append, which may have to look for the last row and try again. */
export const IMPORT_MAX_STAGED_APPEND = 17
/** Stamps of a payload kept to count what it replaces. */
export const COUNTED_MAX_STAMPS = 1_000_000
/** Stored chunks opened to count what a write replaces, when nobody asked … */
export const COUNTED_CHUNKS = 8
/** … and when `counts=exact` did. */
export const COUNTED_EXACT_CHUNKS = 256
/** Bad lines listed in an answer. */
export const BAD_LINES_SHOWN = 1_000
/** Rows staged by a request that died are swept after this. */
export const STAGED_KEEP_MINUTES = 60
