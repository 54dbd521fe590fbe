/* What every adversary shares: bounds, the marker that says "the evil is in place", and the stdio manners of
 * a server. Each is `NAME [MARKER]`; it does its deed, touches MARKER, then reads stdin to its end and exits
 * 0, unless its nature says otherwise. Nothing here outlives 120 s. */
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "evil_mcp.h"

enum { LIFE_SECONDS = 120 };

/* The safety net. An alarm is not inherited by fork: every child arms its own. */
static inline void arm_life(void) {
  signal(SIGALRM, SIG_DFL);
  alarm(LIFE_SECONDS);
}

static inline double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void ready(int argc, char** argv) {
  if (argc < 2) return;
  int fd = open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd >= 0) close(fd);
}

static inline pid_t fork_armed(void) {
  pid_t pid = fork();
  if (pid == 0) arm_life();
  return pid;
}

static inline void sleep_ms(long ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}

/* Until somebody kills us, or the safety net does. */
__attribute__((noreturn, unused)) static inline void linger(void) {
  double end = now_seconds() + LIFE_SECONDS;
  while (now_seconds() < end) sleep_ms(1000);
  _exit(0);
}

/* A polite server: answers to the end of stdin. */
static inline int serve_stdin(void) {
  static struct evil_line line;
  char buffer[4096];
  for (;;) {
    ssize_t n = read(0, buffer, sizeof buffer);
    if (n == 0 || (n < 0 && errno != EINTR)) return 0;
    if (n > 0) evil_hear(&line, buffer, (size_t)n);
  }
}

static inline void ignore_polite_signals(void) {
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  signal(SIGQUIT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
}

static inline void close_all(void) {
  for (int fd = 0; fd < 1024; ++fd) close(fd);
}

/* Double fork, session of its own, no descriptors; `body` runs in the grandchild. */
static inline void daemonize(void (*body)(void)) {
  pid_t pid = fork_armed();
  if (pid == 0) {
    setsid();
    if (fork_armed() == 0) {
      close_all();
      body();
      _exit(0);
    }
    _exit(0);
  }
  if (pid > 0) waitpid(pid, NULL, 0);
}

/* The directory of our cgroup v2 below `mount`, "" if there is none. */
static inline void own_cgroup_directory(char* path, size_t size) {
  path[0] = '\0';
  char line[4096], mount[2048] = "", below[1024] = "";
  FILE* mounts = fopen("/proc/self/mountinfo", "re");
  while (mounts && fgets(line, sizeof line, mounts)) {
    if (strstr(line, " - cgroup2 ")) {
      sscanf(line, "%*s %*s %*s %*s %2047s", mount);
      break;
    }
  }
  if (mounts) fclose(mounts);
  FILE* own = fopen("/proc/self/cgroup", "re");
  while (own && fgets(line, sizeof line, own)) {
    if (strncmp(line, "0::", 3) == 0) sscanf(line + 3, "%1023s", below);
  }
  if (own) fclose(own);
  if (mount[0] != '\0' && below[0] != '\0') snprintf(path, size, "%s%s", mount, below);
}

static inline void write_text(const char* path, const char* text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, text, strlen(text)) < 0) { /* refused: then the deed is not possible here */
  }
  close(fd);
}
