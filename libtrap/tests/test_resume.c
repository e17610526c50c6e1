/* SPDX-License-Identifier: BSD-3-Clause */
/** Readers that resume: nothing acknowledged comes twice, nothing that is not is lost while the log has it, and gaps are exact. */
#include "rig.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define MESSAGES 120000u
#define KILLS    25

/** What readers tell the test, in memory that survives them. */
struct told {
   _Atomic uint64_t first;    /* first message of the last reader, plus 1; 0: none yet */
   _Atomic uint64_t intended; /* is being acknowledged up to this message, plus 1 */
   _Atomic uint64_t acked;    /* has been */
   _Atomic uint64_t last;     /* received, plus 1 */
   _Atomic uint64_t jumps;    /* places where a message does not follow the one before it */
   _Atomic uint64_t missed;   /* counted by libtrap */
   _Atomic uint64_t instance; /* of the sender, as the first reader was told; 0: none yet */
   _Atomic uint64_t offset;   /* position of a message less its number */
   _Atomic uint64_t strange;  /* messages of which readers were told another position */
};

static struct told *told;

static uint64_t number(const void *data)
{
   uint64_t n;
   memcpy(&n, data, sizeof(n));
   return n;
}

/* A message has one position, whichever reader asks. */
static void look_at_position(trap_ctx_t *in, const trap_message_t *m)
{
   uint64_t instance = 0, position = 0;
   trap_ctx_position(in, 0, m->seq, &instance, &position);
   if (atomic_load(&told->instance) == 0) {
      atomic_store(&told->instance, instance);
      atomic_store(&told->offset, position - number(m->data));
   }
   if (instance == 0 || instance != atomic_load(&told->instance) ||
       position - number(m->data) != atomic_load(&told->offset)) {
      atomic_fetch_add(&told->strange, 1);
   }
}

/* Receives and acknowledges every few messages; ends after message MESSAGES - 1. batch: how messages are taken */
static void read_on(const char *spec, bool batch, unsigned seed)
{
   trap_message_t m[40];
   trap_ctx_t *in = trap_ctx_init3("test", "", 1, 0, spec, NULL);
   trap_ctx_set_required_fmt(in, 0, batch ? TRAP_FMT_ANY : TRAP_FMT_RAW);
   for (bool first = true;;) {
      uint32_t count = 1;
      int rc = batch ? trap_ctx_recv_batch(in, 0, m, 1 + rand_r(&seed) % 40, &count)
                     : trap_ctx_recv_with_seq_number(in, 0, &m[0].data, &m[0].size, &m[0].seq);
      if (rc != TRAP_E_OK && !(batch && first && rc == TRAP_E_FORMAT_CHANGED)) {
         _exit(2);
      }
      for (uint32_t i = 0; i < count; i++) {
         uint64_t n = number(m[i].data);
         if (first) {
            atomic_store(&told->first, n + 1);
         } else if (n != atomic_load(&told->last)) {
            atomic_fetch_add(&told->jumps, 1);
         }
         first = false;
         look_at_position(in, &m[i]);
         atomic_store(&told->last, n + 1);
      }
      if (rand_r(&seed) % 20 == 0) {
         uint32_t k = rand_r(&seed) % count; /* not always all of them */
         atomic_store(&told->intended, number(m[k].data) + 1);
         trap_ctx_ack(in, 0, k + 1 == count ? TRAP_ACK_ALL : m[k].seq);
         atomic_store(&told->acked, number(m[k].data) + 1);
      }
      if (atomic_load(&told->last) == MESSAGES) {
         _exit(0);
      }
   }
}

static pid_t start_reader(const char *spec, bool batch, unsigned seed)
{
   atomic_store(&told->first, 0);
   pid_t pid = fork();
   if (pid == 0) {
      read_on(spec, batch, seed);
   }
   return pid;
}

static void *send_numbers(void *out)
{
   for (uint64_t i = 0; i < MESSAGES; i++) {
      char text[80];
      memset(text, 'x', sizeof(text));
      memcpy(text, &i, sizeof(i));
      trap_ctx_send(out, 0, text, (uint16_t) (8 + i % 70));
   }
   trap_ctx_send_flush(out, 0);
   return NULL;
}

/* A sender that waits for its readers loses nothing, however often they are killed. */
static void killed_readers(const char *sender, const char *reader, bool batch)
{
   pthread_t thread;
   unsigned seed = 7;
   int status = -1;
   memset(told, 0, sizeof(*told));
   trap_ctx_t *out = open_raw(0, 1, sender);
   pthread_create(&thread, NULL, send_numbers, out);
   for (int i = 0;; i++) {
      uint64_t from = atomic_load(&told->last), acked = atomic_load(&told->acked),
               intended = atomic_load(&told->intended);
      pid_t pid = start_reader(reader, batch, seed++);
      uint64_t stop = from + (uint64_t) rand_r(&seed) % (2 * MESSAGES / KILLS);
      while (i < KILLS && (atomic_load(&told->first) == 0 || atomic_load(&told->last) < stop) &&
             waitpid(pid, &status, WNOHANG) == 0) {
         sched_yield();
      }
      if (i < KILLS && WIFSIGNALED(status) == 0) {
         kill(pid, SIGKILL);
      }
      waitpid(pid, &status, 0);
      uint64_t first = atomic_load(&told->first) - 1;
      if (i > 0 && first != acked &&
          first != intended) { /* the kill may have come between the ack and its note */
         fail_msg("reader %d begins with %llu, acknowledged was up to %llu or %llu", i,
                  (unsigned long long) first, (unsigned long long) acked, (unsigned long long) intended);
      }
      if (atomic_load(&told->last) == MESSAGES) {
         break;
      }
   }
   assert_int_equal(atomic_load(&told->jumps), 0);
   assert_int_equal(atomic_load(&told->strange), 0);
   assert_int_not_equal(atomic_load(&told->instance), 0);
   pthread_join(thread, NULL);
   trap_ctx_finalize(&out);
}

static void nothing_is_lost_or_repeated_across_kills(void **state)
{
   (void) state;
   killed_readers("u:res:buffer_size=3000:buffer_count=200", "u:res:resume=store", false);
   killed_readers("u:res:buffer_size=3000:buffer_count=200", "u:res:resume=store", true);
   killed_readers("u:res:buffer_size=3000:buffer_count=200:maxstall=60000", "u:res:resume=store",
                  true); /* copies */
}

static void send_some(trap_ctx_t *out, uint64_t from, uint64_t to)
{
   char text[100] = "";
   for (uint64_t i = from; i < to; i++) {
      memcpy(text, &i, sizeof(i));
      assert_int_equal(trap_ctx_send(out, 0, text, sizeof(text)), TRAP_E_OK);
   }
   trap_ctx_send_flush(out, 0);
}

static uint64_t receive_one(trap_ctx_t *in, uint64_t *seq)
{
   const void *data;
   uint16_t size;
   assert_int_equal(trap_ctx_recv_with_seq_number(in, 0, &data, &size, seq), TRAP_E_OK);
   return number(data);
}

/* Connects an input, to which nothing is sent meanwhile, and lets it wait for messages without a limit.
 * clients: of the output then */
static void connect_input(trap_ctx_t *in, trap_ctx_t *out, int clients)
{
   const void *data;
   uint16_t size;
   trap_ctx_ifcctl(in, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, 20000);
   while (trap_ctx_get_client_count(out, 0) < clients) {
      assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_TIMEOUT);
   }
   trap_ctx_ifcctl(in, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_WAIT);
}

static void gaps_beyond_the_log_are_exact(void **state)
{
   static const char *const modes[] = {"HALF_WAIT", "NO_WAIT"};
   (void) state;
   for (int i = 0; i < 2; i++) {
      char spec[100];
      uint64_t seq = 0;
      snprintf(spec, sizeof(spec), "u:gap:buffer_size=2000:buffer_count=100:timeout=%s", modes[i]);
      trap_ctx_t *out = open_raw(0, 1, spec);
      trap_ctx_t *in = open_raw(1, 0, "u:gap:resume=a");
      connect_input(in, out, 1);
      trap_ctx_finalize(&in);
      in = open_raw(1, 0, "u:gap:resume=a"); /* before: connected, and nothing received */
      send_some(out, 0, 10);
      for (uint64_t k = 0; k < 10; k++) {
         assert_int_equal(receive_one(in, &seq), k);
      }
      assert_int_equal(trap_ctx_ack(in, 0, 5), TRAP_E_OK); /* numbers 1 to 5 are messages 0 to 4 */
      trap_ctx_finalize(&in);
      send_some(out, 10, 700); /* 70 kB of a log of 200 kB: all of it is kept */
      in = open_raw(1, 0, "u:gap:resume=a");
      for (uint64_t k = 5; k < 700; k++) {
         assert_int_equal(receive_one(in, &seq), k);
         assert_int_equal(seq, k - 4);
      }
      trap_ctx_ack(in, 0, TRAP_ACK_ALL);
      trap_ctx_finalize(&in);
      send_some(out, 700, 9000); /* 840 kB */
      in = open_raw(1, 0, "u:gap:resume=a");
      uint64_t first = receive_one(in, &seq);
      assert_in_range(first, 9000 - 200000 / 102,
                      9000 - 150000 / 102);   /* at least three quarters of the log */
      assert_int_equal(seq, first - 700 + 1); /* the numbers tell of the gap */
      for (uint64_t k = first + 1; k < 9000; k++) {
         assert_int_equal(receive_one(in, &seq), k);
      }
      trap_ctx_finalize(&in);
      trap_ctx_finalize(&out);
   }
}

static void a_name_has_one_reader(void **state)
{
   uint64_t seq;
   const void *data;
   uint16_t size;
   (void) state;
   trap_ctx_t *out = open_raw(0, 1, "u:one");
   trap_ctx_t *in = open_raw(1, 0, "u:one:resume=a"),
              *second = open_raw(1, 0, "u:one:resume=a:timeout=100000");
   trap_ctx_t *other = open_raw(1, 0, "u:one:resume=b");
   trap_set_verbose_level(-4);
   connect_input(in, out, 1);
   connect_input(other, out, 2);
   send_some(out, 0, 3);
   assert_int_equal(receive_one(in, &seq), 0);
   assert_int_equal(trap_ctx_recv(second, 0, &data, &size), TRAP_E_TIMEOUT);
   assert_int_equal(receive_one(other, &seq), 0); /* names are apart */
   trap_ctx_ack(in, 0, TRAP_ACK_ALL);
   trap_ctx_finalize(&in);
   while (trap_ctx_recv(second, 0, &data, &size) == TRAP_E_TIMEOUT) {
   }
   assert_int_equal(number(data), 1);
   trap_set_verbose_level(-3);
   trap_ctx_finalize(&second);
   trap_ctx_finalize(&other);
   trap_ctx_finalize(&out);
}

static void names_are_bounded(void **state)
{
   trap_ctx_t *in[40];
   const void *data;
   uint16_t size;
   int taken = 0;
   uint64_t sent = 0;
   bool got[40] = {false};
   (void) state;
   trap_ctx_t *out = open_raw(0, 1, "u:many");
   trap_set_verbose_level(-4);
   for (int i = 0; i < 40; i++) {
      char spec[64];
      snprintf(spec, sizeof(spec), "u:many:resume=n%d:timeout=1000", i);
      in[i] = open_raw(1, 0, spec);
   }
   while (taken < 16) { /* half of the places are for one user */
      for (int i = 0; i < 40; i++) {
         if (!got[i] && trap_ctx_recv(in[i], 0, &data, &size) == TRAP_E_OK) {
            got[i] = true;
            taken++;
         }
      }
      if (trap_ctx_get_client_count(out, 0) > 0) {
         send_some(out, sent, sent + 1);
         sent++;
      }
   }
   for (int i = 0; i < 40; i++) { /* those that were refused */
      assert_true(got[i] || trap_ctx_recv(in[i], 0, &data, &size) == TRAP_E_TIMEOUT);
   }
   assert_int_equal(taken, 16);
   for (int i = 0; i < 40; i++) {
      trap_ctx_finalize(&in[i]);
   }
   trap_set_verbose_level(-3);
   trap_ctx_finalize(&out);
}

static void a_format_change_repeats_and_loses_nothing(void **state)
{
   uint64_t seq;
   (void) state;
   trap_ctx_t *out = open_raw(0, 1, "u:fmt");
   trap_ctx_t *in = open_raw(1, 0, "u:fmt:resume=a");
   connect_input(in, out, 1);
   send_some(out, 0, 10);
   assert_int_equal(receive_one(in, &seq), 0);
   trap_ctx_set_data_fmt(out, 0, TRAP_FMT_JSON, "x"); /* the reader goes on in the old log */
   trap_ctx_set_data_fmt(out, 0, TRAP_FMT_RAW);
   for (uint64_t k = 1; k < 10; k++) {
      assert_int_equal(receive_one(in, &seq), k);
   }
   connect_input(in, out, 1); /* to the new log */
   send_some(out, 10, 20);
   for (uint64_t k = 10; k < 15; k++) {
      assert_int_equal(receive_one(in, &seq), k);
      assert_int_equal(seq, k + 1);
   }
   trap_ctx_ack(in, 0, 12);
   trap_ctx_finalize(&in);
   in = open_raw(1, 0, "u:fmt:resume=a");
   assert_int_equal(receive_one(in, &seq), 12);
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&out);
}

static void senders_that_keep_nothing_are_read_as_before(void **state)
{
   uint64_t seq;
   (void) state;
   trap_ctx_t *out = open_raw(0, 1, "u:plain");
   setenv("TRAP_NO_SHM", "1", 1);
   trap_set_verbose_level(-4);
   trap_ctx_t *in = open_raw(1, 0, "u:plain:resume=a");
   connect_input(in, out, 1);
   send_some(out, 0, 1);
   assert_int_equal(receive_one(in, &seq), 0);
   assert_int_equal(trap_ctx_ack(in, 0, TRAP_ACK_ALL), TRAP_E_OK);
   unsetenv("TRAP_NO_SHM");
   trap_set_verbose_level(-3);
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&out);
}

int main(void)
{
   told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(nothing_is_lost_or_repeated_across_kills),
       cmocka_unit_test(gaps_beyond_the_log_are_exact),
       cmocka_unit_test(a_name_has_one_reader),
       cmocka_unit_test(names_are_bounded),
       cmocka_unit_test(a_format_change_repeats_and_loses_nothing),
       cmocka_unit_test(senders_that_keep_nothing_are_read_as_before),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
