/* SPDX-License-Identifier: BSD-3-Clause */
#include "live.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* On a terminal the update of the line that was printed last takes its place. */
static void take_back(const struct live *l)
{
   struct winsize size = {0};
   if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
      return;
   }
   printf("\033[%uA\r\033[J", (l->width + size.ws_col - 1) / size.ws_col);
}

void live_show(struct live *l, const struct events *all, const struct event *e)
{
   char when[32], title[128], source[64], target[256], amount[64];
   const struct event *shown = NULL;
   bool grown = false;
   uint32_t number = event_lines_add(&l->lines, all, e, &shown, &grown);
   if (number == 0) {
      return;
   }
   if (number == l->last) {
      take_back(l);
   }
   int n = printf("%s  #%u %s%s: %s against %s, %s\n", format_time(shown->last, when, sizeof(when)), number,
                  grown ? "now " : "", event_title(shown, title, sizeof(title)),
                  event_source(shown, source, sizeof(source)), event_target(shown, target, sizeof(target)),
                  event_amount(shown, amount, sizeof(amount)));
   l->width = n > 1 ? (unsigned) n - 1 : 1;
   l->last = number;
   fflush(stdout);
}

void live_free(struct live *l)
{
   event_lines_free(&l->lines);
}
