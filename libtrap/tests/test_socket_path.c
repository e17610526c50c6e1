/* SPDX-License-Identifier: BSD-3-Clause */
/** Names of sockets: who gets one, who removes it, in which directory, and whose sockets a client talks to. */
#include "rig.h"

#include "socket_path.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define STRANGER 65534
#define ROUNDS   40

static char path[192];

/* The path of a socket in the directory of the test. */
static const char *at(const char *name)
{
   snprintf(path, sizeof(path), "%s/trap-%s.sock", dir, name);
   return path;
}

static char *subdir(const char *name, mode_t mode)
{
   static char made[160];
   snprintf(made, sizeof(made), "%s/%s", dir, name);
   assert_true(mkdir(made, mode) == 0 || errno == EEXIST);
   assert_int_equal(chmod(made, mode), 0);
   return made;
}

static bool exists(const char *file)
{
   struct stat st;
   return lstat(file, &st) == 0;
}

static void assert_refused(const char *spec, const char *reason)
{
   trap_ctx_t *ctx = trap_ctx_init3("test", "", 0, 1, spec, NULL);
   assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_IO_ERROR);
   if (strstr(trap_ctx_get_last_error_msg(ctx), reason) == NULL) {
      fail_msg("'%s' does not say '%s'", trap_ctx_get_last_error_msg(ctx), reason);
   }
   trap_ctx_finalize(&ctx);
}

/* A listening socket that no module has. */
static int listen_at(const char *file, mode_t mode)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", file);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   assert_int_equal(bind(fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
   assert_int_equal(chmod(file, mode), 0);
   assert_int_equal(listen(fd, 5), 0);
   return fd;
}

/* Runs part in a process of another user; its return value is the status. */
static int as_stranger(int (*part)(const void *arg), const void *arg)
{
   int status;
   pid_t pid = fork();
   assert_true(pid >= 0);
   if (pid == 0) {
      _exit(setgid(STRANGER) != 0 || setuid(STRANGER) != 0 ? 99 : part(arg));
   }
   assert_int_equal(waitpid(pid, &status, 0), pid);
   return WEXITSTATUS(status);
}

static void need_root(void)
{
   if (geteuid() != 0) {
      print_message("needs to be root to have two users: skipped\n");
      skip();
   }
}

/* ------------------------------------------------------------------------ names */

static void what_is_no_socket_is_never_deleted(void **state)
{
   (void) state;
   int fd = open(at("file"), O_CREAT | O_WRONLY, 0600);
   assert_int_equal(write(fd, "precious", 8), 8);
   close(fd);
   assert_refused("u:file", "no socket");
   assert_true(exists(at("file")));
   assert_int_equal(unlink(at("file")), 0);
   assert_int_equal(symlink("/etc/passwd", at("file")), 0);
   assert_refused("u:file", "no socket");
   assert_true(exists(at("file")));
   assert_int_equal(unlink(at("file")), 0);
}

static void a_socket_in_use_is_refused_with_its_owner(void **state)
{
   char expected[64];
   (void) state;
   trap_ctx_t *out = open_raw(0, 1, "u:used");
   snprintf(expected, sizeof(expected), "in use by process %ld", (long) getpid());
   assert_refused("u:used", expected);
   assert_true(exists(at("used")));
   trap_ctx_finalize(&out);
   assert_false(exists(at("used")));
}

static void what_a_dead_sender_left_is_taken_over(void **state)
{
   (void) state;
   close(listen_at(at("dead"), 0600));
   trap_ctx_t *out = open_raw(0, 1, "u:dead");
   trap_ctx_finalize(&out);
   assert_false(exists(at("dead")));
}

static void a_name_that_another_has_by_now_is_left_to_it(void **state)
{
   (void) state;
   trap_ctx_t *first = open_raw(0, 1, "u:twice");
   assert_int_equal(unlink(at("twice")), 0);
   trap_ctx_t *second = open_raw(0, 1, "u:twice");
   trap_ctx_finalize(&first);
   assert_true(exists(at("twice")));
   trap_ctx_finalize(&second);
   assert_false(exists(at("twice")));
}

/* Begins when told, says whether it got the name, keeps it until told to end. */
static pid_t start_rival(int begin, int answer, int end)
{
   char byte;
   pid_t pid = fork();
   if (pid == 0) {
      if (read(begin, &byte, 1) < 0) {
         _exit(1);
      }
      trap_ctx_t *ctx = trap_ctx_init3("test", "", 0, 1, "u:rivals", NULL);
      byte = ctx != NULL && trap_ctx_get_last_error(ctx) == TRAP_E_OK;
      if (write(answer, &byte, 1) != 1 || read(end, &byte, 1) < 0) {
         _exit(1);
      }
      trap_ctx_finalize(&ctx);
      _exit(0);
   }
   return pid;
}

static void of_senders_started_together_one_gets_the_name(void **state)
{
   (void) state;
   for (int round = 0; round < ROUNDS; round++) {
      int begin[2], answer[2], end[2], winners = 0;
      pid_t pid[4];
      char byte;
      assert_true(pipe(begin) == 0 && pipe(answer) == 0 && pipe(end) == 0);
      if (round % 2 == 0) {
         close(listen_at(at("rivals"), 0600)); /* left over by a dead one */
      }
      for (int i = 0; i < 4; i++) {
         pid[i] = start_rival(begin[0], answer[1], end[0]);
      }
      assert_int_equal(write(begin[1], "0123", 4), 4);
      for (int i = 0; i < 4; i++) {
         assert_int_equal(read(answer[0], &byte, 1), 1);
         winners += byte;
      }
      assert_int_equal(winners, 1);
      assert_int_equal(write(end[1], "0123", 4), 4);
      for (int i = 0; i < 4; i++) {
         waitpid(pid[i], NULL, 0);
         close(i < 2 ? begin[i] : answer[i - 2]);
      }
      close(end[0]);
      close(end[1]);
      assert_false(exists(at("rivals")));
      snprintf(path + strlen(path), sizeof(path) - strlen(path), ".lock");
      assert_false(exists(path));
   }
}

static void sockets_of_other_users_are_left_alone(void **state)
{
   (void) state;
   need_root();
   close(listen_at(at("other"), 0600));
   assert_int_equal(lchown(at("other"), STRANGER, STRANGER), 0);
   assert_refused("u:other", "belongs to user 65534");
   assert_true(exists(at("other")));
   assert_int_equal(unlink(at("other")), 0);
   /* A user who may write the directory, but not to the socket, cannot tell whether it is in use: it is not his. */
   int fd = listen_at(at("other"), 0600);
   subdir("", 0777);
   char why[SOCKET_REASON_SIZE];
   struct socket_dirs d;
   struct socket_name taken;
   assert_int_equal(socket_dirs_init(&d, "/nonexistent", why), 0);
   pid_t pid = fork();
   if (pid == 0) {
      _exit(setgid(STRANGER) != 0 || setuid(STRANGER) != 0 ||
            socket_listen(&d, "other", 0600, NULL, 5, &taken, why) != -EPERM);
   }
   int status;
   waitpid(pid, &status, 0);
   assert_int_equal(status, 0);
   assert_true(exists(at("other")));
   close(fd);
   unlink(at("other"));
   subdir("", 0700);
   socket_dirs_free(&d);
}

/* ------------------------------------------------------------------ directories */

static void set_directories(const char *runtime)
{
   unsetenv("TRAP_SOCKET_DIR");
   if (runtime != NULL) {
      setenv("RUNTIME_DIRECTORY", runtime, 1);
   }
}

static void reset_directories(void)
{
   setenv("TRAP_SOCKET_DIR", dir, 1);
   unsetenv("RUNTIME_DIRECTORY");
   unsetenv("XDG_RUNTIME_DIR");
   unsetenv("TRAP_SOCKET_MODE");
}

static void senders_bind_where_nobody_else_can_and_link_the_old_name(void **state)
{
   char why[SOCKET_REASON_SIZE], runtime[160], shared[160], link[192], target[192] = "";
   struct socket_dirs d;
   struct socket_name taken;
   (void) state;
   strcpy(runtime, subdir("run", 0755));
   strcpy(shared, subdir("shared", 01777));
   snprintf(link, sizeof(link), "%s/trap-flows.sock", shared);
   set_directories(runtime);
   assert_int_equal(socket_dirs_init(&d, shared, why), 0);
   for (int round = 0; round < 3; round++) {
      int fd = socket_listen(&d, "flows", 0660, NULL, 5, &taken, why);
      assert_true(fd >= 0);
      assert_true(strncmp(taken.path, runtime, strlen(runtime)) == 0);
      if (round == 1) {
         assert_string_equal(taken.link, ""); /* not free */
      } else {
         assert_true(readlink(link, target, sizeof(target) - 1) > 0);
         assert_string_equal(target, taken.path);
         int old = socket_connect_path(link); /* as programs of NEMEA 2 do */
         assert_true(old >= 0);
         close(old);
      }
      int client = socket_connect(&d, "flows", why);
      assert_true(client >= 0);
      close(client);
      if (round == 2) {
         close(fd); /* dies: the name and its link stay, and are taken over */
         fd = socket_listen(&d, "flows", 0660, NULL, 5, &taken, why);
         assert_true(fd >= 0);
         assert_string_equal(taken.link, link);
      }
      socket_release(&taken);
      close(fd);
      assert_int_equal(exists(link), round == 1);
      if (round == 0) {
         close(open(link, O_CREAT | O_WRONLY, 0600)); /* another file has the old name */
      } else {
         unlink(link);
      }
   }
   /* Senders do not bind in a directory that all users can write. */
   assert_int_equal(chmod(runtime, 01777), 0);
   socket_dirs_free(&d);
   assert_int_equal(socket_dirs_init(&d, shared, why), 0);
   assert_string_not_equal(d.dir[d.bind], runtime);
   socket_dirs_free(&d);
   reset_directories();
}

static void clients_look_in_the_new_directory_first(void **state)
{
   char why[SOCKET_REASON_SIZE], runtime[160], shared[160], name[2][192];
   struct socket_dirs d;
   (void) state;
   strcpy(runtime, subdir("run", 0755));
   strcpy(shared, subdir("shared", 01777));
   snprintf(name[0], sizeof(name[0]), "%s/trap-order.sock", runtime);
   snprintf(name[1], sizeof(name[1]), "%s/trap-order.sock", shared);
   set_directories(runtime);
   assert_int_equal(socket_dirs_init(&d, shared, why), 0);
   assert_int_equal(socket_connect(&d, "order", why), -ENOENT);
   int fds[2] = {listen_at(name[0], 0600), listen_at(name[1], 0600)};
   for (int i = 0; i < 2; i++) {
      struct sockaddr_un sun;
      socklen_t length = sizeof(sun);
      int client = socket_connect(&d, "order", why);
      assert_true(client >= 0); /* the old directory: a socket of the own user */
      assert_int_equal(getpeername(client, (struct sockaddr *) &sun, &length), 0);
      assert_string_equal(sun.sun_path, name[i]);
      close(client);
      close(fds[i]);
      unlink(name[i]);
   }
   socket_dirs_free(&d);
   reset_directories();
}

static int check_user_directory(const void *arg)
{
   char why[SOCKET_REASON_SIZE];
   struct socket_dirs d;
   setenv("XDG_RUNTIME_DIR", arg, 1);
   return socket_dirs_init(&d, "/tmp", why) != 0 || strcmp(d.dir[d.bind], arg) != 0;
}

static void without_root_the_runtime_directory_of_the_user_is_used(void **state)
{
   (void) state;
   need_root();
   subdir("", 0755);
   char *own = subdir("user", 0700);
   assert_int_equal(chown(own, STRANGER, STRANGER), 0);
   set_directories(NULL);
   assert_int_equal(as_stranger(check_user_directory, own), 0);
   reset_directories();
   subdir("", 0700);
}

/* A process of another user that listens there until it is ended. */
static pid_t stranger_listens(const char *file)
{
   int ready[2];
   char byte;
   assert_int_equal(pipe(ready), 0);
   pid_t pid = fork();
   assert_true(pid >= 0);
   if (pid == 0) {
      if (setgid(STRANGER) == 0 && setuid(STRANGER) == 0 && listen_at(file, 0777) >= 0 &&
          write(ready[1], "x", 1) == 1) {
         for (;;) {
            pause();
         }
      }
      _exit(1);
   }
   close(ready[1]);
   assert_int_equal(read(ready[0], &byte, 1), 1);
   close(ready[0]);
   return pid;
}

static int connect_named(const char *name, const char *shared, char why[SOCKET_REASON_SIZE])
{
   struct socket_dirs d;
   assert_int_equal(socket_dirs_init(&d, shared, why), 0);
   int fd = socket_connect(&d, name, why);
   if (fd >= 0) {
      close(fd);
   }
   socket_dirs_free(&d);
   return fd;
}

/* The record that a stranger forges does not come in, wherever a stranger can put his socket. */
static void clients_talk_to_their_own_user_root_and_the_directorys_group(void **state)
{
   char why[SOCKET_REASON_SIZE], shared[160], file[192];
   (void) state;
   need_root();
   subdir("", 0755);
   strcpy(shared, subdir("shared", 01777));
   assert_int_equal(chown(shared, 0, STRANGER), 0); /* whose group does not matter if anybody can write it */
   snprintf(file, sizeof(file), "%s/trap-forged.sock", shared);
   pid_t pid = stranger_listens(file);
   set_directories(subdir("run", 0755));
   assert_int_equal(connect_named("forged", shared, why), -EPERM); /* the old default directory */
   assert_non_null(strstr(why, "belongs to user 65534"));
   assert_non_null(strstr(why, "TRAP_SOCKET_MODE"));
   setenv("TRAP_SOCKET_DIR", shared, 1);
   assert_int_equal(connect_named("forged", shared, why), -EPERM); /* chosen, but anybody's */
   assert_int_equal(chmod(shared, 0775), 0);
   assert_true(connect_named("forged", shared, why) >= 0); /* only the group puts sockets there */
   assert_int_equal(chown(shared, 0, 0), 0);
   assert_int_equal(connect_named("forged", shared, why), -EPERM);
   setenv("TRAP_SOCKET_MODE", "0666", 1); /* everybody's sockets, as in NEMEA 2 */
   assert_true(connect_named("forged", shared, why) >= 0);
   kill(pid, SIGKILL);
   waitpid(pid, NULL, 0);
   reset_directories();
   subdir("", 0700);
}

/* ------------------------------------------------------------------------- mode */

static mode_t mode_of(const char *file)
{
   struct stat st;
   assert_int_equal(lstat(file, &st), 0);
   return st.st_mode & 0777;
}

static void one_setting_gives_all_sockets_their_mode(void **state)
{
   (void) state;
   for (int i = 0; i < 2; i++) {
      if (i == 1) {
         setenv("TRAP_SOCKET_MODE", "0666", 1);
      }
      trap_ctx_t *out = trap_ctx_init3("test", "", 0, 2, "u:mode,u:mode2:mode=600", "service_mode");
      assert_int_equal(trap_ctx_get_last_error(out), TRAP_E_OK);
      assert_int_equal(mode_of(at("mode")), i == 0 ? 0660 : 0666);
      assert_int_equal(mode_of(at("service_mode")), i == 0 ? 0660 : 0666);
      assert_int_equal(mode_of(at("mode2")), 0600); /* its own */
      trap_ctx_finalize(&out);
   }
   static const char *const bad[] = {"rw", "0888", "01777", "-1", "06 66"};
   for (int i = 0; i < 5; i++) {
      setenv("TRAP_SOCKET_MODE", bad[i], 1);
      trap_ctx_t *out = trap_ctx_init3("test", "", 0, 1, "u:mode", NULL);
      assert_int_equal(trap_ctx_get_last_error(out), TRAP_E_BADPARAMS);
      assert_non_null(strstr(trap_ctx_get_last_error_msg(out), bad[i]));
      trap_ctx_finalize(&out);
   }
   reset_directories();
}

static int connect_without_right(const void *arg)
{
   char why[SOCKET_REASON_SIZE];
   return connect_named("closed", "/nonexistent", why) != -EACCES ||
          strstr(why, "TRAP_SOCKET_MODE=0666") == NULL;
}

static void who_may_not_connect_is_told_the_setting(void **state)
{
   (void) state;
   need_root();
   trap_ctx_t *out = open_raw(0, 1, "u:closed");
   subdir("", 0755);
   assert_int_equal(as_stranger(connect_without_right, NULL), 0);
   subdir("", 0700);
   trap_ctx_finalize(&out);
}

static void programs_get_names_from_the_format(void **state)
{
   char name[192], odd[160];
   (void) state;
   strcpy(odd, subdir("50%s", 0700));
   const char *const dirs[] = {dir, odd};
   for (int i = 0; i < 2; i++) {
      setenv("TRAP_SOCKET_DIR", dirs[i], 1);
      trap_ctx_t *out = open_raw(0, 1, "u:named");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      snprintf(name, sizeof(name), trap_default_socket_path_format, "named");
#pragma GCC diagnostic pop
      assert_true(exists(name));
      trap_ctx_finalize(&out);
      assert_false(exists(name));
   }
   reset_directories();
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(what_is_no_socket_is_never_deleted),
       cmocka_unit_test(a_socket_in_use_is_refused_with_its_owner),
       cmocka_unit_test(what_a_dead_sender_left_is_taken_over),
       cmocka_unit_test(a_name_that_another_has_by_now_is_left_to_it),
       cmocka_unit_test(of_senders_started_together_one_gets_the_name),
       cmocka_unit_test(sockets_of_other_users_are_left_alone),
       cmocka_unit_test(senders_bind_where_nobody_else_can_and_link_the_old_name),
       cmocka_unit_test(clients_look_in_the_new_directory_first),
       cmocka_unit_test(without_root_the_runtime_directory_of_the_user_is_used),
       cmocka_unit_test(clients_talk_to_their_own_user_root_and_the_directorys_group),
       cmocka_unit_test(one_setting_gives_all_sockets_their_mode),
       cmocka_unit_test(who_may_not_connect_is_told_the_setting),
       cmocka_unit_test(programs_get_names_from_the_format),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
