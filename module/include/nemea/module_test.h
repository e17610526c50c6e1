/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/module_test.h
 * Runs a module's logic inside a unit test: no process, no interfaces, no wall clock.
 *
 * The module's source is compiled with -DNM_TEST, which makes NM_MODULE() define nm_definition instead of main():
 *
 *     nm_test_t *t = nm_test_new(&nm_definition, "-l 3");
 *     nm_test_format(t, 0, "ipaddr SRC_IP,uint8 TCP_FLAGS,time TIME_FIRST,time TIME_LAST");
 *     nm_test_feed(t, 0, "10.0.0.1,2,2024-01-01T00:00:00,2024-01-01T00:00:01");
 *     nm_test_finish(t);
 *     assert_string_equal(nm_test_next(t, 0), "10.0.0.1,3,...");
 *     assert_null(nm_test_next(t, 0));
 *     nm_test_free(t);
 *
 * Records go the way they go in a process: checked against their format, clock and ticks, both halves of biflows, record().
 * A failed module stays failed: functions return NM_ERROR and nm_test_error() has the message.
 * Threads: as a module's. One test at a time in a process, since getopt() and the field registry are the process's.
 */
#ifndef NEMEA_MODULE_TEST_H
#define NEMEA_MODULE_TEST_H

#include <nemea/module.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nm_test nm_test_t;

/** Options, check(), tables and files, init(). arguments: words separated by blanks, without -i. The module has inputs and
 * outputs as declared, of variable ones nm_test_interfaces() more. \return NULL without memory only; see nm_test_error() */
nm_test_t *nm_test_new(const nm_module_def_t *def, const char *arguments);
/** The same with this number of inputs and outputs. */
nm_test_t *nm_test_new_with(const nm_module_def_t *def, const char *arguments, uint32_t inputs,
                            uint32_t outputs);
/** Cleanup. NULL is allowed. */
void nm_test_free(nm_test_t *t);

/** The running module, for nm_self() and similar functions. */
nm_module_t *nm_test_module(nm_test_t *t);
/** The message that main() would print; NULL if nothing failed. */
const char *nm_test_error(const nm_test_t *t);
/** Exit status that the module would have. */
int nm_test_status(const nm_test_t *t);

/** The sender of an input has this format (typed fields), from now on. \return what format() returns */
int nm_test_format(nm_test_t *t, uint32_t input, const char *typed_fields);
/** A record as text: values separated by commas, in the order of the fields of nm_test_format(); what is left out is zero.
 * \return what record() returns; NM_ERROR also for bad text */
int nm_test_feed(nm_test_t *t, uint32_t input, const char *values);
/** A record, or any other message, as bytes. seq: 0: the next one. */
int nm_test_feed_bytes(nm_test_t *t, uint32_t input, const void *data, uint16_t size, uint64_t seq);
/** Several records as bytes at once, as records() gets them. */
int nm_test_feed_batch(nm_test_t *t, uint32_t input, const nm_record_t *recs, uint32_t n);
/** Advances stream time to t without a record: calls tick(). */
int nm_test_advance(nm_test_t *t, ur_time_t time);
/** Calls idle(), as when no record is waiting. */
int nm_test_idle(nm_test_t *t);
/** SIGHUP, SIGUSR1, SIGUSR2. */
int nm_test_signal(nm_test_t *t, int signal);
/** Calls source(), one step of a module without inputs. */
int nm_test_source(nm_test_t *t);
/** End of stream of an input. \return NM_STOP when it was the last */
int nm_test_end(nm_test_t *t, uint32_t input);
/** Ends the module: calls finish(). */
int nm_test_finish(nm_test_t *t);

/** The next record that the module sent on an output, as text: values separated by commas in the order of its format. NULL:
 *  no more. Valid until the next call. Of data that is no UniRec, the bytes; of nm_end_output(), "". */
const char *nm_test_next(nm_test_t *t, uint32_t output);
/** The same for messages that may contain NUL bytes. */
const void *nm_test_next_bytes(nm_test_t *t, uint32_t output, size_t *size);
/** Format of an output as typed fields, in record order; NULL: none. Valid until the next call. */
const char *nm_test_output_format(nm_test_t *t, uint32_t output);
/** Records that the module sent on an output and nm_test_next() has not given yet. */
uint32_t nm_test_pending(const nm_test_t *t, uint32_t output);
/** Value of a counter by name: "records", "missed", "late", those of nm_counter() and tables; UINT64_MAX: there is none. */
uint64_t nm_test_counter(const nm_test_t *t, const char *name);
/** true: from now on all outputs drop everything, as a NO_WAIT output without room does. */
void nm_test_drop(nm_test_t *t, bool drop);

/** Keeps what the process writes to STDOUT_FILENO or STDERR_FILENO from now on; one of them at a time. \return false: no memory */
bool nm_test_catch(int fd);
/** The end of that. \return what was written, valid until the next call; NULL: nothing is caught, or no memory */
const char *nm_test_caught(void);

#ifdef __cplusplus
}
#endif
#endif
