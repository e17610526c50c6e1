/* SPDX-License-Identifier: BSD-3-Clause */
#include "old_menu.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINE  97 /* bytes of an answer that the supervisor takes */
#define ZEROS 3  /* answers that end the daemon: each alone, less than half a second apart */
#define APART 300

/* Each prompt ends like this, and one line is sent for each, so that typed and piped lines are taken alike. */
static const char prompt_end[] = ": \033[0m";

struct relay {
   int fd;
   char typed[65536]; /* lines that wait for their prompt */
   size_t n_typed;
   char shown[sizeof(prompt_end) - 1]; /* the last bytes of the supervisor */
   bool at_end;                        /* of the standard input */
   int zeros;                          /* of Dstop that are still to be sent */
   uint64_t next_zero;                 /* ms */
   bool stopping;                      /* Dstop was typed */
};

static uint64_t now_ms(void)
{
   struct timespec t;
   (void) clock_gettime(CLOCK_MONOTONIC, &t);
   return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}

static bool at_prompt(const struct relay *r)
{
   return memcmp(r->shown, prompt_end, sizeof(r->shown)) == 0;
}

static bool send_text(struct relay *r, const char *text, size_t length)
{
   memset(r->shown, 0, sizeof(r->shown));
   return send(r->fd, text, length, MSG_NOSIGNAL) == (ssize_t) length;
}

static void begin_stop(struct relay *r)
{
   r->stopping = true;
   r->zeros = ZEROS;
   r->next_zero = now_ms();
}

static bool is_line(const char *line, size_t length, const char *word)
{
   return length == strlen(word) && memcmp(line, word, length) == 0;
}

/* Sends the next typed line. \return false: Cquit */
static bool send_line(struct relay *r)
{
   char *newline = memchr(r->typed, '\n', r->n_typed);
   if (newline == NULL && r->at_end && r->n_typed > 0 && r->n_typed < sizeof(r->typed)) {
      newline = r->typed + r->n_typed; /* the last line, which does not end */
      *newline = '\n';
      r->n_typed++;
   }
   if (newline == NULL) {
      return true;
   }
   size_t length = (size_t) (newline - r->typed);
   if (is_line(r->typed, length, "Cquit")) {
      return false;
   }
   if (is_line(r->typed, length, "Dstop")) {
      begin_stop(r);
   } else if (length > LINE) {
      fputs("supcli: the line is too long\n", stderr);
   } else {
      (void) send_text(r, r->typed, length + 1); /* a supervisor that is gone shows in show() */
   }
   r->n_typed -= length + 1;
   memmove(r->typed, newline + 1, r->n_typed);
   return true;
}

/* \return false: the supervisor is gone */
static bool show(struct relay *r)
{
   char text[65536];
   ssize_t n = recv(r->fd, text, sizeof(text), 0);
   if (n <= 0) {
      return n < 0 && errno == EINTR;
   }
   (void) fwrite(text, 1, (size_t) n, stdout);
   (void) fflush(stdout);
   for (ssize_t i = n > (ssize_t) sizeof(r->shown) ? n - (ssize_t) sizeof(r->shown) : 0; i < n; i++) {
      memmove(r->shown, r->shown + 1, sizeof(r->shown) - 1);
      r->shown[sizeof(r->shown) - 1] = text[i];
   }
   if (r->stopping && r->zeros == 0 && at_prompt(r)) {
      begin_stop(r); /* the answers came too late, or as one: again */
   }
   return true;
}

static void read_typed(struct relay *r)
{
   ssize_t n = read(STDIN_FILENO, r->typed + r->n_typed, sizeof(r->typed) - r->n_typed);
   r->n_typed += n > 0 ? (size_t) n : 0;
   r->at_end = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

static bool send_zero(struct relay *r)
{
   if (r->zeros == 0 || now_ms() < r->next_zero) {
      return true;
   }
   r->zeros--;
   r->next_zero = now_ms() + APART;
   return send_text(r, "0\n", 2);
}

int old_menu(int fd)
{
   static struct relay relay;
   struct relay *r = &relay;
   *r = (struct relay){.fd = fd};
   bool there = send_text(r, "789123\n", 7);
   while (there) {
      bool wants_input = !r->at_end && !r->stopping && r->n_typed < sizeof(r->typed) - 1;
      struct pollfd p[] = {{.fd = fd, .events = POLLIN},
                           {.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN}};
      uint64_t now = now_ms();
      int wait = r->zeros == 0 ? -1 : r->next_zero > now ? (int) (r->next_zero - now) : 0;
      if (poll(p, 2, wait) < 0 && errno != EINTR) {
         return -1;
      }
      if ((p[1].revents & (POLLIN | POLLHUP)) != 0) {
         read_typed(r);
      }
      there = (p[0].revents == 0 || show(r)) && send_zero(r);
      if (there && !r->stopping && at_prompt(r)) {
         if ((r->at_end && r->n_typed == 0) || !send_line(r)) {
            return 0;
         }
      }
   }
   fputs("\033[38;5;196m[WARNING] Supervisor has disconnected, I'm done!\033[0m\n", stderr);
   return 0;
}
