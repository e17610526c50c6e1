/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The log: one append-only ring of bytes an output, written by the sender, read by any number of readers.
 *
 *   memfd:  | control page | ring ............................................ |
 *   ring:   | header messages | header messages | header messages (growing) ... |
 *             finished blocks: exactly the bytes of the socket protocol           committed      head
 *
 * Positions are byte counts since the start and only grow; the ring is mapped twice in a row, so every span up
 * to its size is contiguous in memory. Readers may read [tail, committed). The control page and the ring are
 * shared read-only with local readers (sealed memfd); each of them has a separate page to write to.
 */
#ifndef TRAP_LOG_H
#define TRAP_LOG_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_MAGIC       0x31474f4c50415254ull /* "TRAPLOG1" */
#define LOG_CTL_SIZE    4096u
#define BLOCK_HEADER    14u /* u32be payload bytes, u64le first number, u16le messages */
#define LOG_MAX_PAYLOAD (16u * 1024 * 1024 + 65536)

/** What the sender publishes. */
struct log_ctl {
   uint64_t magic;
   uint64_t ring_size; /* bytes, multiple of the page size */
   uint64_t
       instance; /* of the output, whose numbers of messages go on over several logs; 0: it keeps nothing for names */
   alignas(64) _Atomic uint64_t committed;
   alignas(64) _Atomic uint64_t tail; /* bytes before it may be overwritten at any time */
   _Atomic uint32_t closed;           /* nothing will be added */
   _Atomic uint32_t lossless;         /* tail never passes the cursor of a reader that is connected */
};

enum reader_mode { READER_UNDECIDED = 0, READER_SOCKET = 1, READER_LOCAL = 2 };

#define RESUME_NAME 32 /* bytes of a reader's name, with the NUL */

/** What the sender answers to a reader that gave a name. */
enum grant { GRANT_NONE, GRANT_GIVEN, GRANT_IN_USE, GRANT_FULL, GRANT_REFUSED };

/** What a local reader publishes: its own page, never trusted by the sender beyond clamping. */
struct reader_ctl {
   _Atomic uint32_t mode;     /* enum reader_mode: the first of the two sides to set it decides */
   _Atomic uint32_t sleeping; /* the reader waits for a byte on its socket */
   _Atomic uint32_t holding;  /* the reader uses the block at cursor in place */
   uint64_t first_seq;        /* set by the sender: number of the first message that the reader may expect */
   alignas(64) _Atomic uint64_t cursor;
   _Atomic uint64_t next_seq, blocks,
       missed;                        /* for statistics: message to come, blocks taken, messages missed */
   alignas(64) _Atomic uint64_t want; /* set by the sender: tell it when the cursor reaches this; 0: no */
   /* readers that resume; before mode becomes READER_LOCAL the reader sets: */
   alignas(64) char name[RESUME_NAME]; /* "": none */
   uint64_t
       continue_at; /* number of the next message, if the reader still knows it; UINT64_MAX: after what it has acknowledged */
   /* then the sender sets cursor and first_seq again, and: */
   uint64_t lost;          /* messages before first_seq that are not in the log any more */
   _Atomic uint32_t grant; /* enum grant */
   _Atomic uint64_t acked; /* number of the first message that is not acknowledged; the reader raises it */
};

struct trap_log {
   int fd; /* -1: no log */
   struct log_ctl *ctl;
   uint8_t *ring;
   uint64_t size;
};

/** Makes a log of at least min_size bytes. \return 0 or -errno */
int log_create(struct trap_log *log, uint64_t min_size);
/** Maps a sender's log for reading after checking its shape. \return 0 or -errno; fd stays the caller's */
int log_attach(struct trap_log *log, int fd);
void log_close(struct trap_log *log);

static inline uint8_t *log_at(const struct trap_log *log, uint64_t pos)
{
   return log->ring + pos % log->size;
}

/** Tells the processor that the caller spins. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
   __builtin_ia32_pause();
#elif defined(__aarch64__)
   __asm__ __volatile__("yield");
#endif
}

void block_header_write(uint8_t *p, uint32_t payload, uint64_t seq, uint16_t count);
uint32_t block_payload(const uint8_t *p);
uint64_t block_seq(const uint8_t *p);
uint16_t block_count(const uint8_t *p);

#endif
