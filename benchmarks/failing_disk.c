/* A disk that fails, for LD_PRELOAD: FAULT says how, AFTER how many calls go well before. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FULL_CALLS 20 /* refused writes before there is space again */

static long calls;

/* Whether this call is one of a journal's or a part's, and past those that go well. */
static int is_due(int fd, const char *fault)
{
    const char *chosen = getenv("FAULT"), *after = getenv("AFTER");
    char link[64], path[PATH_MAX];
    if (!chosen || strcmp(chosen, fault))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    if (!strstr(path, "/journal-") && !strstr(path, "/part-"))
        return 0;
    return __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) > (after ? atol(after) : 0);
}

int fsync(int fd)
{
    static int (*real)(int);
    if (!real)
        real = dlsym(RTLD_NEXT, "fsync");
    if (is_due(fd, "fsync")) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

ssize_t write(int fd, const void *data, size_t size)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (!real)
        real = dlsym(RTLD_NEXT, "write");
    if (size > 7 && is_due(fd, "short"))
        size = size / 2;
    if (is_due(fd, "full") && calls <= atol(getenv("AFTER")) + FULL_CALLS) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, data, size);
}
