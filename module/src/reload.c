/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Files of NM_FILE options, loaded at the start and again on SIGHUP.
 *
 * A reload runs in a thread of its own, so that a long list does not stop the stream. Its objects take the places of the old ones
 * between two batches, all of them or none.
 */
#include "internal.h"

#include <errno.h>
#include <signal.h>

#define END_SECONDS 2 /* at the end of the module: what a load in progress gets before it is left alone */

static void **member(const nm_module_t *m, const nm_option_t *o)
{
   return (void **) (void *) ((char *) m->state + o->offset);
}

/* Number of options, and whether one of them names a file. */
static size_t count_files(const nm_module_t *m, bool *some)
{
   const nm_option_t *o = m->def->options;
   size_t i = 0;
   *some = false;
   for (; o != NULL && o[i].type != NM_TYPE_END; i++) {
      *some |= o[i].type == NM_TYPE_FILE && m->values[i].path != NULL;
   }
   return i;
}

static void release(const nm_option_t *o, void **object)
{
   if (*object != NULL && o->release != NULL) {
      o->release(*object);
   }
   *object = NULL;
}

/* Loads all files. \param[in,out] message NULL, then why one could not be loaded, to free(); nothing is kept then */
static bool load_all(nm_module_t *m, void *objects[MAX_OPTIONS], char **message)
{
   bool good = true, some;
   size_t n = count_files(m, &some);
   const nm_option_t *o = m->def->options;
   message_redirect(message != &m->message ? message : NULL);
   for (size_t i = 0; good && i < n; i++) {
      if (o[i].type == NM_TYPE_FILE && m->values[i].path != NULL) {
         objects[i] = o[i].load(m, m->values[i].path);
         good = objects[i] != NULL;
         if (!good && *message == NULL) {
            nm_fail(m, "option %s: file \"%s\" cannot be used", option_name(&o[i]), m->values[i].path);
         }
      }
   }
   message_redirect(NULL);
   for (size_t i = 0; !good && i < n; i++) {
      release(&o[i], &objects[i]);
   }
   return good;
}

static void replace(nm_module_t *m, void *objects[MAX_OPTIONS])
{
   bool some;
   size_t n = count_files(m, &some);
   for (size_t i = 0; i < n; i++) {
      if (objects[i] != NULL) {
         release(&m->def->options[i], member(m, &m->def->options[i]));
         *member(m, &m->def->options[i]) = objects[i];
         objects[i] = NULL;
      }
   }
}

int files_open(nm_module_t *m)
{
   if (!load_all(m, m->reload.objects, &m->message)) {
      return NM_ERROR;
   }
   replace(m, m->reload.objects);
   return NM_OK;
}

static void *run(void *module)
{
   nm_module_t *m = module;
   m->reload.good = load_all(m, m->reload.objects, &m->reload.message);
   __atomic_store_n(&m->reload.done, true, __ATOMIC_RELEASE);
   return NULL;
}

/* Signals are for the thread that receives: they interrupt it. \return false: no thread */
static bool start(nm_module_t *m)
{
   sigset_t all, before;
   sigfillset(&all);
   m->reload.done = m->reload.again = false;
   pthread_sigmask(SIG_SETMASK, &all, &before);
   m->reload.running = pthread_create(&m->reload.thread, NULL, run, m) == 0;
   pthread_sigmask(SIG_SETMASK, &before, NULL);
   return m->reload.running;
}

/* The files are loaded: uses them, or says why not. */
static int use(nm_module_t *m)
{
   bool good = m->reload.good;
   if (good) {
      replace(m, m->reload.objects);
   } else {
      nm_warn(m, "reload: %s; what was loaded before stays",
              m->reload.message != NULL ? m->reload.message : "out of memory");
   }
   free(m->reload.message);
   m->reload.message = NULL;
   return good && m->def->reload != NULL ? outcome(m, m->def->reload(m)) : NM_OK;
}

int reload_poll(nm_module_t *m)
{
   if (!m->reload.running || !__atomic_load_n(&m->reload.done, __ATOMIC_ACQUIRE)) {
      return NM_OK;
   }
   pthread_join(m->reload.thread, NULL);
   m->reload.running = false;
   int rc = use(m);
   return rc == NM_OK && m->reload.again ? nm_reload(m) : rc; /* files changed while they were read */
}

NM_PUBLIC int nm_reload(nm_module_t *m)
{
   bool some;
   count_files(m, &some);
   if (m->reload.running) {
      m->reload.again = true;
      return NM_OK;
   }
   if (!some) {
      return m->def->reload != NULL ? outcome(m, m->def->reload(m)) : NM_OK;
   }
   if (!start(m)) {
      nm_warn(m, "reload: cannot start a thread; the stream waits for it");
      run(m);
      return use(m);
   }
   if (m->test != NULL) { /* a unit test sees the result at once */
      pthread_join(m->reload.thread, NULL);
      m->reload.running = false;
      return use(m);
   }
   return NM_OK;
}

void reload_end(nm_module_t *m)
{
   struct timespec until;
   if (!m->reload.running) {
      return;
   }
   clock_gettime(CLOCK_REALTIME, &until);
   until.tv_sec += END_SECONDS;
   if (pthread_timedjoin_np(m->reload.thread, NULL, &until) == 0) {
      m->reload.running = false;
   } else {
      pthread_detach(m->reload.thread);
   }
}

void files_close(nm_module_t *m)
{
   bool some;
   size_t n = count_files(m, &some);
   for (size_t i = 0; i < n; i++) {
      if (m->def->options[i].type == NM_TYPE_FILE) {
         release(&m->def->options[i], &m->reload.objects[i]);
         release(&m->def->options[i], member(m, &m->def->options[i]));
      }
   }
   free(m->reload.message);
   m->reload.message = NULL;
}
