/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The database: one SQLite file, written by one thread in transactions.
 *
 *    event     what an event is: a number in the order of arrival, its id, times, what is searched for, and all of it as a blob;
 *              run: the number of the run it is a part of, -1: it is a run, 0: neither; scanner: the source of a scan, or a run, that is
 *              no part and may still be joined to (see runs.h)
 *    event_id  the number of an id
 *    host      the numbers of the events in which an address is named
 *    mark      what people have said of events
 *    input     how far each input is stored
 *    segment   a run of event numbers: the span of times in it
 *    block     a shorter run: how many events it has, the span of times, and a set of what occurs in it, as bits
 *
 * The keys of event_id and host begin with the segment of an event, its number divided by SEGMENT_EVENTS: what is inserted at one
 * time is in one part of these trees, so that inserting takes the same time in a large database as in an empty one, and a
 * search looks into each segment that overlaps the time asked for.
 *
 * A search that names no host passes over the blocks in which what it looks for does not occur; a bit may stand for two words, and is not taken
 * back, so a block with the bit may have none.
 *
 * Errors: functions return false and leave a message in sql.why.
 */
#ifndef ALERT_STORE_DATABASE_H
#define ALERT_STORE_DATABASE_H

#include "sql.h"

#include <nemea/event.h>

#define DATABASE_VERSION 4
#define SEGMENT_EVENTS   32768 /* stands in the schema, too */
#define BLOCK_EVENTS     512   /* also */
/* Bits of block.others; by confidence and by state. */
#define BLOCK_CONFIDENCE(c) ((int64_t) 1 << (c))
#define BLOCK_STATE(s)      ((int64_t) 256 << (s))

/** How far an input is stored. */
struct position {
   uint64_t instance; /* of the sender's output; 0: unknown */
   uint64_t number;   /* of the last message that is stored */
};

struct segment {
   int64_t no, first, last; /* times in microseconds */
};

enum statement {
   INSERT_EVENT,
   UPDATE_EVENT,
   INSERT_ID,
   INSERT_HOST,
   FIND_ID,
   READ_EVENT,
   PUT_SEGMENT,
   PUT_BLOCK,
   PUT_POSITION,
   OLDEST_EVENTS,
   DELETE_EVENT,
   DELETE_ID,
   DELETE_HOST,
   DELETE_MARKS,
   DELETE_SEGMENTS,
   COUNT_DELETED,
   DELETE_BLOCKS,
   READ_TOP,
   FIND_NEIGHBOUR,
   JOIN_PART,
   MAKE_RUN,
   CLOSE_RUN,
   EXTEND_RUN,
   MOVE_PARTS,
   COUNT_PARTS,
   READ_PARTS,
   STATEMENTS
};

struct database {
   struct sql sql;
   int file; /* the same file, to read ahead; -1: not open. Closing it before SQLite has closed it would end SQLite's locks */
   sqlite3_stmt *statements[STATEMENTS];
   struct segment *segments; /* in the order of their numbers */
   uint32_t n_segments, capacity;
   int64_t next;        /* number of the next new event */
   int64_t aged_to;     /* events up to this number were looked at for their age */
   uint64_t events;     /* stored */
   uint64_t expired;    /* deleted for their age or the size of the database */
   int64_t before_next; /* of the transaction */
   uint64_t before_events, before_expired;
};

/** Opens a database, or makes one; of an earlier version it is migrated. */
bool database_open(struct database *db, const char *path);
void database_close(struct database *db);

bool database_begin(struct database *db);
bool database_commit(struct database *db);
/** Also after a commit that failed. Keeps the message in sql.why. */
void database_rollback(struct database *db);

/** Writes an event that is not in the database. \param no set to its number */
bool database_insert(struct database *db, const struct event *e, int64_t now, int64_t *no);
/** Writes an event that is. old_sources, old_targets: how many of its addresses the database knows. */
bool database_update(struct database *db, const struct event *e, int64_t no, int64_t now,
                     unsigned old_sources, unsigned old_targets);
/** Finds an event by its id, of which only the times of its first alert are known. \return its number; 0: there is none; -1: error */
int64_t database_find(struct database *db, const struct event *e);
/** \return 1, 0: no such event, or it cannot be read; -1: error */
int database_read(struct database *db, int64_t no, struct event *e);
bool database_put_position(struct database *db, const char *input, const struct position *p);
bool database_get_position(struct database *db, const char *input, struct position *p);
/** Deletes some of the events that are older than before (microseconds), and some of the oldest while the database is larger than
 *  max_bytes: part of a transaction. \param[out] more there is more to delete now */
bool database_expire(struct database *db, int64_t before, uint64_t max_bytes, bool *more);
/** The newest events, oldest first: take(context, e, no) is called for each. */
bool database_recent(struct database *db, uint32_t n,
                     void (*take)(void *context, const struct event *e, int64_t no), void *context);

int64_t time_us(ur_time_t t);
/** The bit of a kind or a detector in its set of a block. */
int64_t word_bit(const char *word);

/* For runs.c: */

/** Runs a statement that gives no rows. what: for the message of an error */
bool database_run(struct database *db, enum statement s, const char *what);
/** The event of a row. \param data, id columns \return false: it cannot be read */
bool database_event_of_row(sqlite3_stmt *s, int data, int id, struct event *e);
/** Puts the addresses of an event, but for the first ones, to the event of this number. s: INSERT_HOST or DELETE_HOST */
bool database_put_hosts(struct database *db, enum statement s, const struct event *e, int64_t no,
                        unsigned old_sources, unsigned old_targets);
/** Deletes an event. e: NULL if it cannot be read */
bool database_delete(struct database *db, int64_t no, const uint8_t id[16], const struct event *e);

void id_to_bytes(const char *id, uint8_t bytes[16]);
void id_to_text(const uint8_t bytes[16], char *id);

#endif
