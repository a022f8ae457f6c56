// SPDX-License-Identifier: Apache-2.0
// LD_PRELOAD library for Linux: notes what a process does to the files below one folder, in order, so that power-loss.ts can build
// what a loss of power would have left. It changes nothing of what the process does. Knows no SQLite and no audit log.
//
// OUTPOST_POWER_ROOT   absolute path of the folder, without links in it; only absolute paths below it are seen
// OUTPOST_POWER_TRACE  file outside of it that the notes go to
//
// A note is written while the lock is held that the operation was done under, so a process that is killed leaves a true beginning of
// what it did. Files whose name ends in -shm are not watched: SQLite maps them, and makes them anew after a crash.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { OPENED = 1, WROTE, SIZED, SYNC_BEGUN, SYNC_DONE, RENAMED, REMOVED, MADE_FOLDER };
enum { CREATED = 1, FOLDER = 2 };

// Little-endian on every machine that this runs on. Followed by `length` bytes.
struct note {
  uint64_t kind, file, value, nanoseconds, length;
};

#define MOST_FDS 4096
static uint64_t watched[MOST_FDS]; // inode, 0 = not watched
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;
static const char *root;
static size_t root_length;
static uint64_t syncs;

#define REAL(result, name, ...)                                                                                              \
  static result (*real_##name)(__VA_ARGS__);                                                                                 \
  static void find_##name(void) {                                                                                            \
    if (real_##name == NULL) *(void **)&real_##name = dlsym(RTLD_NEXT, #name);                                               \
    if (real_##name == NULL) abort();                                                                                        \
  }

REAL(int, close, int)
REAL(ssize_t, write, int, const void *, size_t)
REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)
REAL(ssize_t, writev, int, const struct iovec *, int)
REAL(int, ftruncate64, int, off64_t)
REAL(int, fsync, int)
REAL(int, fdatasync, int)
REAL(int, rename, const char *, const char *)
REAL(int, unlink, const char *)
REAL(int, unlinkat, int, const char *, int)
REAL(int, remove, const char *)
REAL(int, mkdir, const char *, mode_t)

__attribute__((constructor)) static void begin(void) {
  root = getenv("OUTPOST_POWER_ROOT");
  const char *path = getenv("OUTPOST_POWER_TRACE");
  if (root == NULL || path == NULL) return;
  root_length = strlen(root);
  trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (trace < 0) abort();
}

// Both halves in one call: a note that was cut off by the kill is the last one.
static void note(enum kind kind, uint64_t file, uint64_t value, const void *bytes, size_t length) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  struct note head = {kind, file, value, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, length};
  struct iovec parts[2] = {{&head, sizeof head}, {(void *)bytes, length}};
  if (syscall(SYS_writev, trace, parts, 2) != (long)(sizeof head + length)) abort();
}

// The name below the root; "" for the root; NULL for what is not watched.
static const char *below(const char *path) {
  if (trace < 0 || path == NULL || strncmp(path, root, root_length) != 0) return NULL;
  const char *name = path + root_length;
  if (*name == '\0') return name;
  size_t length = strlen(name);
  if (*name != '/' || (length >= 4 && strcmp(name + length - 4, "-shm") == 0)) return NULL;
  return name + 1;
}

static uint64_t watching(int fd) { return fd >= 0 && fd < MOST_FDS ? watched[fd] : 0; }

static int opened(int at, const char *path, int flags, mode_t mode) {
  const char *name = below(path);
  if (name == NULL) return (int)syscall(SYS_openat, at, path, flags, mode);
  pthread_mutex_lock(&lock);
  int existed = access(path, F_OK) == 0;
  int fd = (int)syscall(SYS_openat, at, path, flags, mode);
  int error = errno;
  struct stat is;
  if (fd >= 0 && fstat(fd, &is) == 0) {
    if (fd >= MOST_FDS) abort();
    watched[fd] = is.st_ino;
    note(OPENED, is.st_ino, (existed ? 0 : CREATED) | (S_ISDIR(is.st_mode) ? FOLDER : 0), name, strlen(name));
    if (existed && (flags & O_TRUNC)) note(SIZED, is.st_ino, 0, NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return fd;
}

static mode_t mode_of(int flags, va_list rest) {
  return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name)                                                                                                           \
  int name(const char *path, int flags, ...) {                                                                               \
    va_list rest;                                                                                                            \
    va_start(rest, flags);                                                                                                   \
    mode_t mode = mode_of(flags, rest);                                                                                      \
    va_end(rest);                                                                                                            \
    return opened(AT_FDCWD, path, flags, mode);                                                                              \
  }
OPEN(open)
OPEN(open64)

int close(int fd) {
  find_close();
  if (watching(fd) == 0) return real_close(fd);
  pthread_mutex_lock(&lock);
  watched[fd] = 0;
  int result = real_close(fd);
  pthread_mutex_unlock(&lock);
  return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  find_pwrite64();
  uint64_t file = watching(fd);
  if (file == 0) return real_pwrite64(fd, bytes, length, at);
  pthread_mutex_lock(&lock);
  ssize_t done = real_pwrite64(fd, bytes, length, at);
  int error = errno;
  if (done > 0) note(WROTE, file, (uint64_t)at, bytes, (size_t)done);
  pthread_mutex_unlock(&lock);
  errno = error;
  return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

ssize_t write(int fd, const void *bytes, size_t length) {
  find_write();
  uint64_t file = watching(fd);
  if (file == 0) return real_write(fd, bytes, length);
  pthread_mutex_lock(&lock);
  ssize_t done = real_write(fd, bytes, length);
  int error = errno;
  // Where it went: before the place where the file now stands, also for a file that is appended to.
  if (done > 0) note(WROTE, file, (uint64_t)(lseek(fd, 0, SEEK_CUR) - done), bytes, (size_t)done);
  pthread_mutex_unlock(&lock);
  errno = error;
  return done;
}

// A part may be written: callers go on with the rest.
ssize_t writev(int fd, const struct iovec *parts, int count) {
  find_writev();
  if (watching(fd) == 0 || count < 1) return real_writev(fd, parts, count);
  return write(fd, parts[0].iov_base, parts[0].iov_len);
}

int ftruncate64(int fd, off64_t size) {
  find_ftruncate64();
  uint64_t file = watching(fd);
  if (file == 0) return real_ftruncate64(fd, size);
  pthread_mutex_lock(&lock);
  int result = real_ftruncate64(fd, size);
  int error = errno;
  if (result == 0) note(SIZED, file, (uint64_t)size, NULL, 0);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

// Other threads go on writing meanwhile: what they write is not promised by this sync.
static int synced(int fd, uint64_t file, int (*sync)(int)) {
  pthread_mutex_lock(&lock);
  uint64_t number = ++syncs;
  note(SYNC_BEGUN, file, number, NULL, 0);
  pthread_mutex_unlock(&lock);
  int result = sync(fd);
  int error = errno;
  pthread_mutex_lock(&lock);
  if (result == 0) note(SYNC_DONE, file, number, NULL, 0);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int fsync(int fd) {
  find_fsync();
  uint64_t file = watching(fd);
  return file == 0 ? real_fsync(fd) : synced(fd, file, real_fsync);
}

int fdatasync(int fd) {
  find_fdatasync();
  uint64_t file = watching(fd);
  return file == 0 ? real_fdatasync(fd) : synced(fd, file, real_fdatasync);
}

int rename(const char *from, const char *to) {
  find_rename();
  const char *old = below(from), *new = below(to);
  if (old == NULL && new == NULL) return real_rename(from, to);
  if (old == NULL || new == NULL) abort(); // into the folder, or out of it: nothing of the product does so
  size_t length = strlen(old) + 1 + strlen(new);
  char *both = malloc(length + 1);
  if (both == NULL) abort();
  stpcpy(stpcpy(both, old) + 1, new);
  pthread_mutex_lock(&lock);
  int result = real_rename(from, to);
  int error = errno;
  if (result == 0) note(RENAMED, 0, 0, both, length);
  pthread_mutex_unlock(&lock);
  free(both);
  errno = error;
  return result;
}

#define NAMED(kind, path, call)                                                                                              \
  const char *name = below(path);                                                                                            \
  if (name == NULL) return call;                                                                                             \
  pthread_mutex_lock(&lock);                                                                                                 \
  int result = call;                                                                                                         \
  int error = errno;                                                                                                         \
  if (result == 0) note(kind, 0, 0, name, strlen(name));                                                                     \
  pthread_mutex_unlock(&lock);                                                                                               \
  errno = error;                                                                                                             \
  return result;

int unlink(const char *path) {
  find_unlink();
  NAMED(REMOVED, path, real_unlink(path))
}

int unlinkat(int at, const char *path, int flags) {
  find_unlinkat();
  NAMED(REMOVED, path, real_unlinkat(at, path, flags))
}

int remove(const char *path) {
  find_remove();
  NAMED(REMOVED, path, real_remove(path))
}

int mkdir(const char *path, mode_t mode) {
  find_mkdir();
  NAMED(MADE_FOLDER, path, real_mkdir(path, mode))
}
