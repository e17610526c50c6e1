/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Runs: scans of one source with gaps of at most RUN_GAP seconds are one event, as in nemea analyze.
 *
 * A run is an event of its own, with an id that stays as it is. Its scans stay events, as its parts: they are joined to as before, and what the
 * run says is worked out from them after each change. All state is in the database, so that it is the same after a restart.
 */
#ifndef ALERT_STORE_RUNS_H
#define ALERT_STORE_RUNS_H

#include "database.h"

#define RUN_PARTS 1024 /* in a run; further scans begin another one */

/** After a scan was written: joins it, and the run that it is a part of, with others of its source. old_sources, old_targets: how many of its
 * addresses the database knew. \param[out] run number of its run; 0: it is alone */
bool runs_join(struct database *db, const struct event *e, int64_t no, int64_t now, unsigned old_sources,
               unsigned old_targets, int64_t *run);
/** After parts have changed: writes what the run says of them. A run that was joined to another one is passed over. */
bool runs_refresh(struct database *db, int64_t run, int64_t now);
/** After a run was deleted: its parts are events of their own again. */
bool runs_dissolve(struct database *db, int64_t run);
/** The parts of a run, by time. \param s a statement like READ_PARTS \param[out] parts the caller's, to be freed \return a result of SQLite */
int runs_read_parts(sqlite3_stmt *s, int64_t run, struct event **parts, uint32_t *n);

#endif
