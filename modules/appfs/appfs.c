/* SPDX-License-Identifier: BSD-3-Clause */
/** The file system: one level of folders, read-only files. */
#define FUSE_USE_VERSION 31
#include "appfs.h"

#include <errno.h>
#include <fuse3/fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILES 8

struct file {
   const char *folder, *name;
   char *text;
   size_t size;
};

struct appfs {
   struct fuse *fuse;
   pthread_t thread;
   bool mounted, running;
   pthread_mutex_t lock; /* of the files */
   struct file files[MAX_FILES];
   unsigned n;
};

/* What the process that is served now reads from. */
static struct appfs *self(void)
{
   return fuse_get_context()->private_data;
}

/* With the lock. \return NULL: path is no file */
static struct file *find(struct appfs *fs, const char *path)
{
   for (unsigned i = 0; i < fs->n; i++) {
      struct file *f = &fs->files[i];
      size_t n = strlen(f->folder);
      if (path[0] == '/' && strncmp(path + 1, f->folder, n) == 0 && path[n + 1] == '/' &&
          strcmp(path + n + 2, f->name) == 0) {
         return f;
      }
   }
   return NULL;
}

static bool is_folder(const struct appfs *fs, const char *path)
{
   for (unsigned i = 0; i < fs->n; i++) {
      if (path[0] == '/' && strcmp(path + 1, fs->files[i].folder) == 0) {
         return true;
      }
   }
   return strcmp(path, "/") == 0;
}

static int fs_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
   struct appfs *fs = self();
   (void) info;
   memset(st, 0, sizeof(*st));
   st->st_nlink = 1;
   st->st_uid = getuid();
   st->st_gid = getgid();
   pthread_mutex_lock(&fs->lock);
   const struct file *f = find(fs, path);
   bool folder = f == NULL && is_folder(fs, path);
   st->st_mode = folder ? S_IFDIR | 0555 : S_IFREG | 0444;
   st->st_size = f != NULL ? (off_t) f->size : 0;
   pthread_mutex_unlock(&fs->lock);
   return f != NULL || folder ? 0 : -ENOENT;
}

static int fs_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
   struct appfs *fs = self();
   bool root = strcmp(path, "/") == 0;
   (void) offset;
   (void) info;
   (void) flags;
   fill(buffer, ".", NULL, 0, 0);
   fill(buffer, "..", NULL, 0, 0);
   pthread_mutex_lock(&fs->lock);
   for (unsigned i = 0; i < fs->n; i++) {
      const struct file *f = &fs->files[i];
      bool seen = false;
      for (unsigned k = 0; k < i; k++) {
         seen |= strcmp(fs->files[k].folder, f->folder) == 0;
      }
      if (root ? !seen : strcmp(path + 1, f->folder) == 0) {
         fill(buffer, root ? f->folder : f->name, NULL, 0, 0);
      }
   }
   pthread_mutex_unlock(&fs->lock);
   return 0;
}

static int fs_open(const char *path, struct fuse_file_info *info)
{
   struct appfs *fs = self();
   pthread_mutex_lock(&fs->lock);
   int rc = find(fs, path) == NULL ? -ENOENT : (info->flags & O_ACCMODE) != O_RDONLY ? -EACCES : 0;
   pthread_mutex_unlock(&fs->lock);
   info->direct_io = 1; /* the text changes, and with it its length */
   return rc;
}

static int fs_read(const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *info)
{
   struct appfs *fs = self();
   (void) info;
   pthread_mutex_lock(&fs->lock);
   const struct file *f = find(fs, path);
   size_t left = f != NULL && (size_t) offset < f->size ? f->size - (size_t) offset : 0;
   size = size < left ? size : left;
   if (size > 0) {
      memcpy(buffer, f->text + offset, size);
   }
   pthread_mutex_unlock(&fs->lock);
   return (int) size;
}

static const struct fuse_operations operations = {
    .getattr = fs_getattr, .readdir = fs_readdir, .open = fs_open, .read = fs_read};

static void *serve(void *arg)
{
   struct appfs *fs = arg;
   fuse_loop(fs->fuse);
   return NULL;
}

/* Signals are for the module's thread. */
static bool start_thread(struct appfs *fs)
{
   sigset_t all, before;
   sigfillset(&all);
   pthread_sigmask(SIG_SETMASK, &all, &before);
   fs->running = pthread_create(&fs->thread, NULL, serve, fs) == 0;
   pthread_sigmask(SIG_SETMASK, &before, NULL);
   return fs->running;
}

int appfs_open(nm_module_t *m, const char *directory, struct appfs **result)
{
   char name[] = "appfs", option[] = "-o", readonly[] = "ro,fsname=nemea,subtype=appfs";
   char *argv[] = {name, option, readonly, NULL};
   struct fuse_args args = FUSE_ARGS_INIT(3, argv);
   *result = NULL;
   if (mkdir(directory, 0755) != 0 && errno != EEXIST) {
      return nm_fail(m, "appfs: cannot create directory %s: %s", directory, strerror(errno));
   }
   struct appfs *fs = calloc(1, sizeof(*fs));
   if (fs == NULL) {
      return nm_fail(m, "appfs: out of memory");
   }
   pthread_mutex_init(&fs->lock, NULL);
   fs->fuse = fuse_new(&args, &operations, sizeof(operations), fs);
   fuse_opt_free_args(&args);
   fs->mounted = fs->fuse != NULL && fuse_mount(fs->fuse, directory) == 0;
   if (!fs->mounted || !start_thread(fs)) {
      appfs_close(fs);
      return nm_fail(m,
                     "appfs: cannot mount a file system on %s (FUSE: /dev/fuse and, for users other than "
                     "root, fusermount3 are needed)",
                     directory);
   }
   *result = fs;
   return NM_OK;
}

bool appfs_publish(struct appfs *fs, const char *folder, const char *name, const char *text, size_t size)
{
   char path[256], *copy = malloc(size + 1);
   snprintf(path, sizeof(path), "/%s/%s", folder, name);
   if (copy == NULL) {
      return false;
   }
   memcpy(copy, text, size);
   pthread_mutex_lock(&fs->lock);
   struct file *f = find(fs, path);
   if (f == NULL && fs->n < MAX_FILES) {
      f = &fs->files[fs->n++];
      *f = (struct file){.folder = folder, .name = name};
   }
   char *unused = copy;
   if (f != NULL) {
      unused = f->text;
      f->text = copy;
      f->size = size;
   }
   pthread_mutex_unlock(&fs->lock);
   free(unused);
   return f != NULL;
}

void appfs_close(struct appfs *fs)
{
   if (fs == NULL) {
      return;
   }
   if (fs->fuse != NULL) {
      fuse_exit(fs->fuse);
   }
   if (fs->mounted) {
      fuse_unmount(fs->fuse); /* ends the read that the thread waits in */
   }
   if (fs->running) {
      pthread_join(fs->thread, NULL);
   }
   if (fs->fuse != NULL) {
      fuse_destroy(fs->fuse);
   }
   for (unsigned i = 0; i < fs->n; i++) {
      free(fs->files[i].text);
   }
   pthread_mutex_destroy(&fs->lock);
   free(fs);
}
