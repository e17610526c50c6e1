/* SPDX-License-Identifier: BSD-3-Clause */
/** TLS, compressed files, messages written and read in place, clients that stall. */
#include "rig.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static trap_ctx_t *open_format(int in, int out, const char *format, const char *argument)
{
   char spec[1024];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
   snprintf(spec, sizeof(spec), format, argument, argument, argument, argument);
#pragma GCC diagnostic pop
   return open_raw(in, out, spec);
}

/* ------------------------------------------------------------------------------- TLS */

#define SERVER   "T:@:%s/server.key:%s/server.crt:%s/ca.crt"
#define CLIENT   "T:localhost:@:%s/client.key:%s/client.crt:%s/ca.crt"
#define STRANGER "T:localhost:@:%s/stranger.key:%s/stranger.crt:%s/ca.crt"
#define OTHER_CA "T:localhost:@:%s/client.key:%s/client.crt:%s/stranger.crt"

/* A CA, a server "localhost" and a client with its certificates, and a client of another CA. */
static bool make_certificates(void)
{
   static const char script[] =
       "cd '%s' && exec >/dev/null 2>&1 &&"
       "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj /CN=ca -days 2 &&"
       "openssl req -x509 -newkey rsa:2048 -nodes -keyout stranger.key -out stranger.crt -subj /CN=x -days 2 "
       "&&"
       "for n in server client; do"
       " openssl req -newkey rsa:2048 -nodes -keyout $n.key -out $n.csr -subj /CN=$n &&"
       " echo subjectAltName=DNS:localhost >ext &&"
       " openssl x509 -req -in $n.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out $n.crt -days 2 -extfile "
       "ext;"
       "done";
   char command[1024];
   snprintf(command, sizeof(command), script, dir);
   return system(command) == 0;
}

static void need_tls(void)
{
   static int made = -1;
   if (strchr(trap_ifc_type_supported, 'T') == NULL) {
      print_message("this libtrap was built without OpenSSL: skipped\n");
      skip();
   }
   made = made < 0 ? make_certificates() : made;
   if (!made) {
      print_message("no program openssl to make certificates with: skipped\n");
      skip();
   }
}

struct sender {
   pthread_t thread;
   trap_ctx_t *ctx;
   uint32_t count;
};

static void *send_main(void *arg)
{
   struct sender *s = arg;
   uint8_t message[200] = {0};
   for (uint32_t i = 0; i < s->count; i++) {
      memcpy(message, &i, sizeof(i));
      if (trap_ctx_send(s->ctx, 0, message, (uint16_t) (4 + i % 190)) != TRAP_E_OK) {
         return NULL;
      }
   }
   trap_ctx_send(s->ctx, 0, message, 1);
   trap_ctx_send_flush(s->ctx, 0);
   return NULL;
}

static void receive_all(trap_ctx_t *in, uint32_t count)
{
   const void *data;
   uint16_t size;
   for (uint32_t i = 0; i < count; i++) {
      uint32_t value;
      assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_OK);
      memcpy(&value, data, sizeof(value));
      assert_int_equal(value, i);
      assert_int_equal(size, 4 + i % 190);
   }
   assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_OK);
   assert_int_equal(size, 1);
}

static void tls_carries_the_stream(void **state)
{
   need_tls();
   for (int k = 0; k < 3; k++) { /* small blocks, large ones, one a message */
      static const char *const more[] = {":buffer_size=2000:buffer_count=4", "", ":buffer=off"};
      char spec[256];
      snprintf(spec, sizeof(spec), SERVER "%s", "%s", "%s", "%s", more[k]);
      struct sender s = {.ctx = open_format(0, 1, spec, dir), .count = 30000};
      trap_ctx_t *in = open_format(1, 0, CLIENT ":hostname=on", dir);
      pthread_create(&s.thread, NULL, send_main, &s);
      receive_all(in, s.count);
      pthread_join(s.thread, NULL);
      trap_ctx_finalize(&in);
      trap_ctx_finalize(&s.ctx);
   }
}

static void certificates_of_strangers_are_refused_on_both_sides(void **state)
{
   const void *data;
   uint16_t size;
   need_tls();
   trap_ctx_t *out = open_format(0, 1, SERVER, dir);
   static const char *const bad[] = {STRANGER ":timeout=300000", OTHER_CA ":timeout=300000",
                                     CLIENT ":hostname=example.org:timeout=300000"};
   trap_set_verbose_level(-2);
   for (int i = 0; i < 3; i++) {
      trap_ctx_t *in = open_format(1, 0, bad[i], dir);
      assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_TIMEOUT); /* and tries again */
      assert_int_equal(trap_ctx_get_client_count(out, 0), 0);
      trap_ctx_finalize(&in);
   }
   trap_set_verbose_level(-3);
   trap_ctx_finalize(&out);
}

static int tcp_connect(int port)
{
   struct sockaddr_in sin = {
       .sin_family = AF_INET, .sin_port = htons((uint16_t) port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
   int fd = socket(AF_INET, SOCK_STREAM, 0);
   assert_int_equal(connect(fd, (struct sockaddr *) &sin, sizeof(sin)), 0);
   return fd;
}

static void silent_tls_clients_stop_nobody(void **state)
{
   int fd[50];
   need_tls();
   struct sender s = {.ctx = open_format(0, 1, SERVER, dir), .count = 20000};
   for (int i = 0; i < 50; i++) {
      fd[i] = tcp_connect((uint16_t) free_port());
      if (i % 2 != 0) {
         send(fd[i], "garbage garbage garbage", 23, MSG_NOSIGNAL);
      }
   }
   assert_int_equal(trap_ctx_get_client_count(s.ctx, 0), 0);
   trap_ctx_t *in = open_format(1, 0, CLIENT, dir);
   pthread_create(&s.thread, NULL, send_main, &s);
   receive_all(in, s.count);
   pthread_join(s.thread, NULL);
   for (int i = 0; i < 50; i++) {
      close(fd[i]);
   }
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&s.ctx);
}

static void tls_receiver_waits_for_a_late_sender(void **state)
{
   const void *data;
   uint16_t size;
   need_tls();
   trap_ctx_t *in = open_format(1, 0, CLIENT ":timeout=100000", dir);
   assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_TIMEOUT);
   int port = socket(AF_INET, SOCK_STREAM, 0); /* a client that does not speak TLS and hangs up */
   struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t) free_port())};
   int one = 1;
   setsockopt(port, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
   assert_int_equal(bind(port, (struct sockaddr *) &sin, sizeof(sin)), 0);
   listen(port, 5);
   assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_TIMEOUT);
   close(port);
   trap_ctx_finalize(&in);
   in = open_format(1, 0, CLIENT, dir);
   struct sender s = {.ctx = open_format(0, 1, SERVER, dir), .count = 1000};
   pthread_create(&s.thread, NULL, send_main, &s);
   receive_all(in, s.count);
   pthread_join(s.thread, NULL);
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&s.ctx);
}

static void wrong_tls_files_are_named(void **state)
{
   need_tls();
   static const char *const specs[] = {"T:@", "T:@:a:b", "T:@:%s/none.key:%s/server.crt:%s/ca.crt",
                                       "T:@:%s/client.key:%s/server.crt:%s/ca.crt"};
   static const char *const words[] = {"keyfile:certfile:CAfile", "keyfile:certfile:CAfile", "none.key",
                                       "key values mismatch"};
   trap_set_verbose_level(-4);
   for (int i = 0; i < 4; i++) {
      char spec[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      snprintf(spec, sizeof(spec), specs[i], dir, dir, dir);
#pragma GCC diagnostic pop
      for (int in = 0; in < 2; in++) {
         trap_ctx_t *ctx = trap_ctx_init3("test", "", (int8_t) in, (int8_t) !in, with_port(spec), NULL);
         assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_BADPARAMS);
         assert_non_null(strstr(trap_ctx_get_last_error_msg(ctx), words[i]));
         trap_ctx_finalize(&ctx);
      }
   }
   trap_set_verbose_level(-3);
}

/* -------------------------------------------------------------------------- compressed files */

static off_t size_of(const char *name)
{
   char path[128];
   struct stat st;
   snprintf(path, sizeof(path), "%s/%s", dir, name);
   return stat(path, &st) == 0 ? st.st_size : -1;
}

static void write_file(const char *spec, uint32_t count)
{
   struct sender s = {.ctx = open_format(0, 1, spec, dir), .count = count};
   send_main(&s);
   trap_ctx_finalize(&s.ctx);
}

static void need_zstd(void)
{
   trap_set_verbose_level(-4);
   char spec[128];
   snprintf(spec, sizeof(spec), "f:%s/probe:compress=zstd", dir);
   trap_ctx_t *ctx = trap_ctx_init3("test", "", 0, 1, spec, NULL);
   bool possible = trap_ctx_get_last_error(ctx) == TRAP_E_OK;
   trap_ctx_finalize(&ctx);
   trap_set_verbose_level(-3);
   if (!possible) {
      print_message("this libtrap was built without libzstd: skipped\n");
      skip();
   }
}

static void compressed_files_are_read_like_others(void **state)
{
   need_zstd();
   write_file("f:%s/plain", 20000);
   write_file("f:%s/packed:compress=zstd", 20000);
   assert_true(size_of("packed") * 2 < size_of("plain"));
   trap_ctx_t *in = open_format(1, 0, "f:%s/packed", dir);
   receive_all(in, 20000);
   trap_ctx_finalize(&in);
}

/* Whatever a killed sender left of the file, what comes out of it are the first messages, block by block. */
static void cut_compressed_files_give_their_whole_blocks(void **state)
{
   char from[128], to[128], command[300];
   need_zstd();
   write_file("f:%s/whole:compress=zstd:buffer=off", 60);
   off_t size = size_of("whole");
   uint32_t last = 0;
   snprintf(from, sizeof(from), "%s/whole", dir);
   snprintf(to, sizeof(to), "%s/cut", dir);
   snprintf(command, sizeof(command), "cp %s %s", from, to);
   trap_set_verbose_level(-4);
   for (off_t cut = 20; cut <= size; cut += 7) {
      assert_int_equal(system(command), 0);
      assert_int_equal(truncate(to, cut), 0);
      const void *data;
      uint16_t length;
      uint32_t n = 0;
      trap_ctx_t *in = open_format(1, 0, "f:%s/cut", dir);
      while (trap_ctx_recv(in, 0, &data, &length) == TRAP_E_OK && length > 1) {
         uint32_t value;
         memcpy(&value, data, sizeof(value));
         assert_int_equal(value, n++);
      }
      trap_ctx_finalize(&in);
      assert_true(n >= last);
      last = n;
   }
   trap_set_verbose_level(-3);
   assert_true(last >= 58);
}

static void killed_sender_leaves_whole_blocks(void **state)
{
   need_zstd();
   pid_t pid = fork();
   if (pid == 0) {
      struct sender s = {.ctx = open_format(0, 1, "f:%s/killed:compress=zstd", dir), .count = UINT32_MAX};
      send_main(&s);
      _exit(1);
   }
   while (size_of("killed") < 500000) {
      nap(5);
   }
   kill(pid, SIGKILL);
   waitpid(pid, NULL, 0);
   const void *data;
   uint16_t size;
   uint32_t n = 0;
   trap_set_verbose_level(-4);
   trap_ctx_t *in = open_format(1, 0, "f:%s/killed", dir);
   while (trap_ctx_recv(in, 0, &data, &size) == TRAP_E_OK && size > 1) {
      uint32_t value;
      memcpy(&value, data, sizeof(value));
      assert_int_equal(value, n++);
   }
   trap_ctx_finalize(&in);
   trap_set_verbose_level(-3);
   assert_true(n > 1000);
}

/* ------------------------------------------------------------------------------- in place */

static void *reserve_main(void *arg)
{
   struct sender *s = arg;
   void *p;
   for (uint32_t i = 0; i < s->count; i++) {
      uint16_t size = (uint16_t) (4 + i % 190);
      if (trap_ctx_reserve(s->ctx, 0, (uint16_t) (size + i % 7), &p) != TRAP_E_OK) {
         return NULL;
      }
      memset(p, 0, size);
      memcpy(p, &i, sizeof(i));
      if (i % 1000 == 500) { /* given up, and begun again; and a block that ends in between */
         if (i % 2000 == 500) {
            trap_ctx_send_flush(s->ctx, 0);
         } else if (trap_ctx_reserve(s->ctx, 0, size, &p) != TRAP_E_OK) {
            return NULL;
         } else {
            memcpy(p, &i, sizeof(i));
         }
      }
      if (trap_ctx_commit(s->ctx, 0, size) != TRAP_E_OK) {
         return NULL;
      }
   }
   trap_ctx_send(s->ctx, 0, "", 1);
   trap_ctx_send_flush(s->ctx, 0);
   return NULL;
}

static void reserved_messages_arrive_like_others(void **state)
{
   static const char *const outs[] = {"u:m", "u:m:buffer_size=1000:buffer_count=4", "u:m:buffer=off",
                                      "u:m:autoflush=1000", "t:@"};
   for (int i = 0; i < 5; i++) {
      struct sender s = {.ctx = open_raw(0, 1, outs[i]), .count = 50000};
      trap_ctx_t *in = open_raw(1, 0, i == 4 ? "t:@" : "u:m");
      pthread_create(&s.thread, NULL, reserve_main, &s);
      receive_all(in, s.count);
      pthread_join(s.thread, NULL);
      trap_ctx_finalize(&in);
      trap_ctx_finalize(&s.ctx);
   }
   struct sender f = {.ctx = open_format(0, 1, "f:%s/reserved", dir), .count = 5000};
   reserve_main(&f);
   trap_ctx_finalize(&f.ctx);
   trap_ctx_t *in = open_format(1, 0, "f:%s/reserved", dir);
   receive_all(in, 5000);
   trap_ctx_finalize(&in);
}

static void commits_that_fit_no_reservation_are_refused(void **state)
{
   void *p = &p;
   trap_ctx_t *ctx = open_raw(0, 1, "u:m:timeout=NO_WAIT:buffer_size=1000");
   assert_int_equal(trap_ctx_commit(ctx, 0, 1), TRAP_E_BAD_FPARAMS);
   assert_int_equal(trap_ctx_reserve(ctx, 0, 10, &p), TRAP_E_OK);
   assert_int_equal(trap_ctx_commit(ctx, 0, 11), TRAP_E_BAD_FPARAMS);
   assert_int_equal(trap_ctx_commit(ctx, 0, 10), TRAP_E_OK);
   assert_int_equal(trap_ctx_commit(ctx, 0, 10), TRAP_E_BAD_FPARAMS);
   assert_int_equal(trap_ctx_reserve(ctx, 0, 10, &p), TRAP_E_OK);
   assert_int_equal(trap_ctx_send(ctx, 0, "other", 5), TRAP_E_OK);
   assert_int_equal(trap_ctx_commit(ctx, 0, 10), TRAP_E_BAD_FPARAMS);
   assert_int_equal(trap_ctx_reserve(ctx, 0, 10, &p), TRAP_E_OK);
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_UNIREC, "uint8 A"); /* where it was reserved is gone */
   assert_int_equal(trap_ctx_commit(ctx, 0, 10), TRAP_E_BAD_FPARAMS);
   assert_int_equal(trap_ctx_reserve(ctx, 0, 10, &p), TRAP_E_OK);
   assert_int_equal(trap_ctx_commit(ctx, 0, 10), TRAP_E_OK);
   assert_int_equal(trap_ctx_reserve(ctx, 0, 2000, &p), TRAP_E_MEMORY);
   assert_null(p);
   assert_int_equal(trap_ctx_reserve(ctx, 1, 10, &p), TRAP_E_BAD_IFC_INDEX);
   trap_ctx_finalize(&ctx);
}

/* Three threads whose numbers come in order each, whatever the order among them. */
static void several_threads(const char *out_spec, const char *in_spec)
{
   struct sender s[3];
   uint64_t seen[3] = {0};
   const void *data;
   uint16_t size;
   bool file = strchr(in_spec, '%') != NULL;
   trap_ctx_t *out = open_format(0, 1, out_spec, dir), *in = file ? NULL : open_raw(1, 0, in_spec);
   for (uint32_t i = 0; i < 3; i++) {
      s[i] = (struct sender){.ctx = out, .count = 100000};
      pthread_create(&s[i].thread, NULL, send_main, &s[i]);
   }
   for (uint32_t i = 0; file && i < 3; i++) {
      pthread_join(s[i].thread, NULL);
   }
   if (file) {
      trap_ctx_finalize(&out);
      in = open_format(1, 0, in_spec, dir);
   }
   for (uint32_t n = 0; n < 300003; n++) {
      assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_OK);
      uint32_t value = 0;
      if (size > 1) {
         memcpy(&value, data, sizeof(value));
         uint32_t i = 0;
         while (i < 3 && seen[i] != value) { /* each sender's numbers come in order */
            i++;
         }
         assert_true(i < 3);
         seen[i]++;
      }
   }
   for (uint32_t i = 0; !file && i < 3; i++) {
      pthread_join(s[i].thread, NULL);
   }
   trap_ctx_finalize(&in);
   if (!file) {
      trap_ctx_finalize(&out);
   }
}

static void several_threads_may_send(void **state)
{
   several_threads("u:m", "u:m");
}

static void several_threads_may_write_one_file(void **state)
{
   several_threads("f:%s/threads", "f:%s/threads");
}

static void *complain(void *arg)
{
   (void) arg;
   for (int i = 0; i < 200; i++) {
      trap_ctx_set_data_fmt(NULL, (uint32_t) (uintptr_t) arg, TRAP_FMT_RAW);
   }
   return NULL;
}

static void messages_of_threads_are_whole_lines(void **state)
{
   char path[96], line[512];
   pthread_t threads[3];
   unsigned lines = 0, kinds = 0;
   snprintf(path, sizeof(path), "%s/log", dir);
   fflush(stderr);
   int keep = dup(2), fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
   dup2(fd, 2);
   for (int i = 0; i < 3; i++) {
      pthread_create(&threads[i], NULL, complain, (void *) (uintptr_t) i);
   }
   for (int i = 0; i < 3; i++) {
      pthread_join(threads[i], NULL);
   }
   fflush(stderr);
   dup2(keep, 2);
   close(keep);
   FILE *f = fdopen(fd, "r");
   rewind(f);
   char seen[4][512] = {""};
   while (fgets(line, sizeof(line), f) != NULL) {
      unsigned k = 0;
      while (k < kinds && strcmp(seen[k], line) != 0) {
         k++;
      }
      if (k == kinds) {
         assert_true(kinds < 4); /* a mixture of two lines would be another kind */
         strcpy(seen[kinds++], line);
      }
      lines++;
   }
   fclose(f);
   assert_true(lines >= 600);
   assert_int_equal(lines % kinds, 0);
}

/* Messages of a batch are in the sender's log: they do not change, even if the sender no longer waits for readers. */
static void batch_in_use_is_not_overwritten(void **state)
{
   trap_message_t m[64];
   uint32_t n;
   uint8_t message[100];
   trap_ctx_t *out = open_raw(0, 1, "u:m:buffer_size=4000:buffer_count=4"),
              *in = open_raw(1, 0, "u:m:timeout=0");
   memset(message, 'a', sizeof(message));
   while (trap_ctx_get_client_count(out, 0) < 1) {
      trap_ctx_recv_batch(in, 0, m, 64, &n);
   }
   for (int i = 0; i < 50; i++) {
      trap_ctx_send(out, 0, message, sizeof(message));
   }
   trap_ctx_send_flush(out, 0);
   int rc = TRAP_E_TIMEOUT;
   while (rc == TRAP_E_TIMEOUT) {
      rc = trap_ctx_recv_batch(in, 0, m, 64, &n);
   }
   assert_int_equal(rc, TRAP_E_OK);
   assert_true(n > 10);
   trap_ctx_ifcctl(out, TRAPIFC_OUTPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_NO_WAIT);
   memset(message, 'b', sizeof(message));
   for (int i = 0; i < 5000; i++) {
      assert_int_equal(trap_ctx_send(out, 0, message, sizeof(message)), TRAP_E_OK);
   }
   for (uint32_t i = 0; i < n; i++) {
      assert_int_equal(m[i].size, sizeof(message));
      assert_int_equal(((const uint8_t *) m[i].data)[99], 'a');
   }
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&out);
}

/* ---------------------------------------------------------------------------- stalls */

/* A reader in a process of its own that can be stopped; tells how far it is, and at its end how much it got and missed. */
static pid_t start_reader(const char *spec, int *result, _Atomic uint64_t *at)
{
   int fd[2];
   assert_int_equal(pipe(fd), 0);
   pid_t pid = fork();
   if (pid == 0) {
      uint64_t report[2] = {0, 0};
      trap_message_t m[64];
      uint32_t n = 0;
      bool ended = false;
      trap_ctx_t *in = open_raw(1, 0, spec);
      while (!ended && trap_ctx_recv_batch(in, 0, m, 64, &n) == TRAP_E_OK) {
         for (uint32_t i = 0; i < n && !ended; i++) {
            ended = m[i].size == 1;
            report[0] += !ended;
            report[1] = m[i].seq - report[0] - (ended ? 1 : 0);
            *at = m[i].seq;
         }
      }
      ssize_t written = write(fd[1], report, sizeof(report));
      trap_ctx_finalize(&in);
      _exit(written != (ssize_t) sizeof(report));
   }
   close(fd[1]);
   *result = fd[0];
   return pid;
}

static void end_reader(pid_t pid, int fd, uint64_t report[2])
{
   int status = 1;
   assert_int_equal(read(fd, report, 2 * sizeof(uint64_t)), 2 * sizeof(uint64_t));
   close(fd);
   waitpid(pid, &status, 0);
   assert_int_equal(status, 0);
}

/* One of two readers is stopped in mid-stream; the other one gets everything, the stopped one counts what it missed. */
static void stopped_reader(const char *out_spec, const char *in_spec)
{
   enum { COUNT = 100000 };
   int fd[2];
   uint64_t report[2][2];
   uint8_t message[100] = {0};
   _Atomic uint64_t *at =
       mmap(NULL, 2 * sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
   assert_true(at != MAP_FAILED);
   pid_t pid[2] = {start_reader(in_spec, &fd[0], &at[0]), start_reader(in_spec, &fd[1], &at[1])};
   trap_ctx_t *out = open_raw(0, 1, out_spec);
   while (trap_ctx_get_client_count(out, 0) < 2) {
      nap(5);
   }
   trap_ctx_send(out, 0, message, sizeof(message));
   trap_ctx_send_flush(out, 0);
   while (at[0] < 1 || at[1] < 1) {
      nap(1);
   }
   kill(pid[1], SIGSTOP);
   for (unsigned i = 1; i < COUNT; i++) {
      assert_int_equal(trap_ctx_send(out, 0, message, sizeof(message)), TRAP_E_OK);
      while (i % 200 == 0 && at[0] + 1000 < i) {
         nap(1); /* the other one can keep up, on however busy a machine: the buffer holds 1900 messages */
      }
   }
   kill(pid[1], SIGCONT);
   trap_ctx_send_flush(out, 0);
   while (at[0] < COUNT || at[1] < COUNT) { /* the end would be dropped for a reader that is behind */
      nap(1);
   }
   trap_ctx_send(out, 0, message, 1);
   trap_ctx_finalize(&out);
   end_reader(pid[0], fd[0], report[0]);
   end_reader(pid[1], fd[1], report[1]);
   munmap((void *) at, 2 * sizeof(*at));
   assert_int_equal(report[0][0], COUNT);
   assert_int_equal(report[0][1], 0);
   assert_true(report[1][1] > 0);
   assert_int_equal(report[1][0] + report[1][1], COUNT);
}

static void stopped_reader_stops_nobody_without_wait(void **state)
{
   stopped_reader("u:m:timeout=NO_WAIT:buffer_size=10000:buffer_count=20", "u:m");
   stopped_reader("t:@:timeout=NO_WAIT:buffer_size=10000:buffer_count=20", "t:@");
}

static void maxstall_bounds_what_a_stopped_reader_costs(void **state)
{
   stopped_reader("u:m:maxstall=200:buffer_size=10000:buffer_count=20", "u:m");
   stopped_reader("t:@:maxstall=200:buffer_size=10000:buffer_count=20", "t:@");
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(tls_carries_the_stream),
       cmocka_unit_test(certificates_of_strangers_are_refused_on_both_sides),
       cmocka_unit_test(silent_tls_clients_stop_nobody),
       cmocka_unit_test(tls_receiver_waits_for_a_late_sender),
       cmocka_unit_test(wrong_tls_files_are_named),
       cmocka_unit_test(compressed_files_are_read_like_others),
       cmocka_unit_test(cut_compressed_files_give_their_whole_blocks),
       cmocka_unit_test(killed_sender_leaves_whole_blocks),
       cmocka_unit_test(reserved_messages_arrive_like_others),
       cmocka_unit_test(commits_that_fit_no_reservation_are_refused),
       cmocka_unit_test(several_threads_may_send),
       cmocka_unit_test(several_threads_may_write_one_file),
       cmocka_unit_test(messages_of_threads_are_whole_lines),
       cmocka_unit_test(batch_in_use_is_not_overwritten),
       cmocka_unit_test(stopped_reader_stops_nobody_without_wait),
       cmocka_unit_test(maxstall_bounds_what_a_stopped_reader_costs),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
