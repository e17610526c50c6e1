/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/nc_wheel.h>

#include <errno.h>
#include <stdlib.h>

struct nc_wheel {
   nc_timer_t *buckets; /* heads of circular lists */
   uint64_t mask;
   uint64_t tick;
   uint64_t current; /* last tick that was processed */
   bool started;
};

static void list_init(nc_timer_t *head)
{
   head->next = head->prev = head;
}

static void list_append(nc_timer_t *head, nc_timer_t *timer)
{
   timer->prev = head->prev;
   timer->next = head;
   head->prev->next = timer;
   head->prev = timer;
}

nc_wheel_t *nc_wheel_new(uint32_t buckets, uint64_t tick)
{
   if (buckets == 0 || buckets > (UINT32_C(1) << 20) || (buckets & (buckets - 1)) != 0 || tick == 0) {
      errno = EINVAL;
      return NULL;
   }
   nc_wheel_t *wheel = calloc(1, sizeof(*wheel));
   if (wheel) {
      wheel->buckets = calloc(buckets, sizeof(*wheel->buckets));
   }
   if (!wheel || !wheel->buckets) {
      free(wheel);
      errno = ENOMEM;
      return NULL;
   }
   wheel->mask = buckets - 1;
   wheel->tick = tick;
   for (uint32_t i = 0; i < buckets; i++) {
      list_init(&wheel->buckets[i]);
   }
   return wheel;
}

void nc_wheel_free(nc_wheel_t *wheel)
{
   if (wheel) {
      free(wheel->buckets);
      free(wheel);
   }
}

void nc_wheel_cancel(nc_timer_t *timer)
{
   if (nc_timer_is_set(timer)) {
      timer->prev->next = timer->next;
      timer->next->prev = timer->prev;
      timer->next = timer->prev = NULL;
   }
}

void nc_wheel_set(nc_wheel_t *wheel, nc_timer_t *timer, uint64_t when)
{
   nc_wheel_cancel(timer);
   /* The tick after the one that holds when: the timer never expires early. */
   timer->expires = when / wheel->tick + 1;
   if (wheel->started && timer->expires <= wheel->current) {
      timer->expires = wheel->current + 1;
   }
   list_append(&wheel->buckets[timer->expires & wheel->mask], timer);
}

static uint64_t serve_bucket(nc_timer_t *head, uint64_t now_tick, nc_wheel_fn fn, void *context)
{
   /* Expired timers are moved to a list of their own first: fn may set and cancel timers of this bucket. */
   nc_timer_t due;
   uint64_t count = 0;
   list_init(&due);
   for (nc_timer_t *timer = head->next; timer != head;) {
      nc_timer_t *next = timer->next;
      if (timer->expires <= now_tick) {
         nc_wheel_cancel(timer);
         list_append(&due, timer);
      }
      timer = next;
   }
   while (due.next != &due) {
      nc_timer_t *timer = due.next;
      nc_wheel_cancel(timer);
      fn(context, timer);
      count++;
   }
   return count;
}

uint64_t nc_wheel_advance(nc_wheel_t *wheel, uint64_t now, nc_wheel_fn fn, void *context)
{
   uint64_t target = now / wheel->tick;
   uint64_t count = 0;
   if (!wheel->started) {
      /* The clock starts at the first time given; all buckets may hold timers that were set before it. */
      wheel->started = true;
      wheel->current = target > wheel->mask ? target - wheel->mask - 1 : 0;
   }
   if (target <= wheel->current) {
      return 0;
   }
   uint64_t turns = target - wheel->current;
   if (turns > wheel->mask + 1) {
      turns = wheel->mask + 1;
   }
   uint64_t first = wheel->current + 1;
   wheel->current = target;
   for (uint64_t i = 0; i < turns; i++) {
      count += serve_bucket(&wheel->buckets[(first + i) & wheel->mask], target, fn, context);
   }
   return count;
}
