"""A library that makes the writing of checkpoints slow, so that a kill falls into it."""

import os
import subprocess
import sys
import tempfile

SLOW = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static int slow(FILE *f) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fileno(f));
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return 0;
  path[n] = 0;
  return strstr(path, "model.ckpt") != 0;
}
size_t fwrite(const void *p, size_t s, size_t n, FILE *f) {
  static size_t (*real)(const void *, size_t, size_t, FILE *);
  if (!real) real = dlsym(RTLD_NEXT, "fwrite");
  if (slow(f)) usleep(2000);
  return real(p, s, n, f);
}
int rename(const char *a, const char *b) {
  static int (*real)(const char *, const char *);
  if (!real) real = dlsym(RTLD_NEXT, "rename");
  if (strstr(b, "model.ckpt") || strstr(b, "/checkpoint")) usleep(100000);
  return real(a, b);
}
'''


def load():
    """Starts the running script again with SLOW below it; needs cc."""
    if 'slow-writes' in os.environ.get('LD_PRELOAD', ''):
        return
    library = os.path.join(tempfile.mkdtemp(), 'slow-writes.so')
    subprocess.run(['cc', '-shared', '-fPIC', '-O', '-x', 'c', '-', '-o', library, '-ldl'],
                   input=SLOW.encode(), check=True)
    os.environ['LD_PRELOAD'] = library
    os.execv(sys.executable, [sys.executable] + sys.argv)
