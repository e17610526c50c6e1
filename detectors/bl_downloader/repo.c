/* SPDX-License-Identifier: BSD-3-Clause */
/** git, started by its arguments. */
#include "repo.h"

#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGUMENTS 160 /* 128 lists, and what stands in front */

extern char **environ;

int repo_git(const char *directory, const char *const arguments[])
{
   /* No hooks: what is in a repository that was copied from elsewhere is not run. */
   const char *argv[MAX_ARGUMENTS] = {"git",
                                      "-C",
                                      directory,
                                      "-c",
                                      "core.hooksPath=/dev/null",
                                      "-c",
                                      "user.name=NEMEA bl_downloader",
                                      "-c",
                                      "user.email=nemea@localhost",
                                      "-c",
                                      "commit.gpgSign=false"};
   size_t n = 11;
   int status;
   pid_t pid;
   for (size_t i = 0; arguments[i] != NULL; i++) {
      if (n == MAX_ARGUMENTS - 1) {
         return -1;
      }
      argv[n++] = arguments[i];
   }
   if (posix_spawnp(&pid, "git", NULL, NULL, (char **) (uintptr_t) argv, environ) != 0) {
      return -1;
   }
   while (waitpid(pid, &status, 0) < 0) {
      if (errno != EINTR) {
         return -1;
      }
   }
   return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool repo_open(const char *directory)
{
   char path[4200];
   struct stat st;
   snprintf(path, sizeof(path), "%s/.git", directory);
   return stat(path, &st) == 0 || repo_git(directory, (const char *const[]){"init", "-q", NULL}) == 0;
}

bool repo_commit(const char *directory, const char *message, const char *const files[], size_t n)
{
   const char *arguments[MAX_ARGUMENTS] = {"add", "--"};
   if (n == 0 || n > 128) {
      return n == 0;
   }
   memcpy(&arguments[2], files, n * sizeof(*files));
   if (repo_git(directory, arguments) != 0) {
      return false;
   }
   /* Files that became what they were have nothing to commit. */
   const char *differ[MAX_ARGUMENTS] = {"diff", "--cached", "--quiet", "--"};
   memcpy(&differ[4], files, n * sizeof(*files));
   if (repo_git(directory, differ) == 0) {
      return true;
   }
   const char *commit[MAX_ARGUMENTS] = {"commit", "-q", "-m", message, "--"};
   memcpy(&commit[5], files, n * sizeof(*files));
   return repo_git(directory, commit) == 0;
}
