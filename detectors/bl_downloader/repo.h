/* SPDX-License-Identifier: BSD-3-Clause */
/** \file repo.h \brief Versions of the lists in a git repository. */
#ifndef BL_DOWNLOADER_REPO_H
#define BL_DOWNLOADER_REPO_H

#include <stdbool.h>
#include <stddef.h>

/** Runs git in a directory, without a shell. arguments: NULL at the end. \return its exit status; -1: it could not be run */
int repo_git(const char *directory, const char *const arguments[]);
/** Makes the repository if need be. */
bool repo_open(const char *directory);
/** Commits n files of the directory as they are now. \return false: git failed; it has said why */
bool repo_commit(const char *directory, const char *message, const char *const files[], size_t n);

#endif
