/*
 * A library to be preloaded that keeps, of a process, what a disk would lose with its power: the writes to files below
 * the folder UNSYNCED_ROOT since the last fsync of each. power_loss.py reads the notes and plays the loss.
 *
 * The writes themselves are done as they are asked for. Before each, a record goes to a file of notes for the inode in
 * UNSYNCED_NOTES, and fsync or fdatasync of the file empties it. Records of a folder (files made, renamed and removed
 * in it) go to notes for its inode, which an fsync of the folder empties; what is removed is kept by another link.
 *
 * A record is one line of text, "W offset old-length new-length old-size", "T old-size new-size" followed by the lost
 * end, "C name", "U name kept", "R old-name new-name kept", and the bytes of old and new contents behind it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long kept_files;
static long turns_left = -1;

/* To be called by who wants the process to be killed before or after one of its next writes and syncs. */
void unsynced_die_after(long turns) { turns_left = turns; }

static void turn(void) {
    if (turns_left >= 0 && turns_left-- == 0) kill(getpid(), SIGKILL);
}

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) abort();
    return found;
}

static void must(int good, const char *what) {
    if (!good) {
        perror(what);
        abort();
    }
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Files that nothing needs after a loss of power are left out: the shared memory of SQLite, its lock file, logs. */
static int is_watched(const char *path) {
    const char *root = getenv("UNSYNCED_ROOT");
    size_t length = root == NULL ? 0 : strlen(root);
    if (length == 0 || strncmp(path, root, length) != 0 || path[length] != '/') return 0;
    return !ends_with(path, "-shm") && !ends_with(path, "-lock") && !ends_with(path, ".log");
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return is_watched(path);
}

static int full_path(int folder, const char *name, char *path) {
    char joined[2 * PATH_MAX], parent[PATH_MAX], real_parent[PATH_MAX];
    if (name[0] == '/') {
        snprintf(joined, sizeof joined, "%s", name);
    } else if (folder == AT_FDCWD) {
        if (getcwd(parent, sizeof parent) == NULL) return 0;
        snprintf(joined, sizeof joined, "%s/%s", parent, name);
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, parent, PATH_MAX - 1);
        if (length <= 0) return 0;
        parent[length] = 0;
        snprintf(joined, sizeof joined, "%s/%s", parent, name);
    }
    char *last = strrchr(joined, '/');
    if (last == NULL || last == joined) return 0;
    *last = 0;
    if (realpath(joined, real_parent) == NULL) return 0;
    snprintf(path, PATH_MAX, "%s/%s", real_parent, last + 1);
    return is_watched(path);
}

static void notes_path(char *path, const struct stat *of, const char *kind) {
    snprintf(path, PATH_MAX, "%s/%s-%lu", getenv("UNSYNCED_NOTES"), kind, (unsigned long)of->st_ino);
}

static int open_notes(const struct stat *of, const char *kind) {
    char path[PATH_MAX];
    notes_path(path, of, kind);
    int notes = REAL(open)(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    must(notes >= 0, "notes");
    return notes;
}

static void put(int notes, const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t done = REAL(write)(notes, at, length);
        must(done > 0, "notes");
        at += done;
        length -= done;
    }
}

static void *old_content(const char *path, off_t offset, size_t length, size_t *got) {
    char *buffer = malloc(length == 0 ? 1 : length);
    must(buffer != NULL, "memory");
    int file = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    *got = 0;
    if (file >= 0) {
        while (*got < length) {
            ssize_t done = pread(file, buffer + *got, length - *got, offset + *got);
            if (done <= 0) break;
            *got += done;
        }
        close(file);
    }
    return buffer;
}

/* To be called with the lock held, before the write is done. */
static void note_write(int fd, const char *path, off_t offset, const struct iovec *parts, int count, size_t length) {
    struct stat of;
    char line[PATH_MAX + 64];
    size_t got;
    if (fstat(fd, &of) != 0 || !S_ISREG(of.st_mode)) return;
    char *old = old_content(path, offset, length, &got);
    int notes = open_notes(&of, "file");
    dprintf(notes, "P %s\n", path);
    int size = snprintf(line, sizeof line, "W %lld %zu %zu %lld\n", (long long)offset, got, length, (long long)of.st_size);
    put(notes, line, size);
    put(notes, old, got);
    for (int part = 0; part < count && length > 0; part++) {
        size_t some = parts[part].iov_len < length ? parts[part].iov_len : length;
        put(notes, parts[part].iov_base, some);
        length -= some;
    }
    close(notes);
    free(old);
    turn();
}

static void note_size(int fd, const char *path, off_t size) {
    struct stat of;
    char line[96];
    size_t got;
    if (fstat(fd, &of) != 0 || !S_ISREG(of.st_mode) || of.st_size == size) return;
    size_t lost = of.st_size > size ? of.st_size - size : 0;
    char *old = old_content(path, size, lost, &got);
    int notes = open_notes(&of, "file");
    dprintf(notes, "P %s\n", path);
    int length = snprintf(line, sizeof line, "T %lld %lld\n", (long long)of.st_size, (long long)size);
    put(notes, line, length);
    put(notes, old, got);
    for (size_t more = got; more < lost; more++) put(notes, "", 1);
    close(notes);
    free(old);
}

static void forget(int fd) {
    struct stat of;
    char path[PATH_MAX];
    if (fstat(fd, &of) != 0) return;
    notes_path(path, &of, S_ISDIR(of.st_mode) ? "folder" : "file");
    REAL(unlink)(path);
}

static void note_name(const char *path, const char *form, const char *name, const char *other, const char *kept) {
    char folder[PATH_MAX];
    struct stat of;
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = 0;
    if (stat(folder, &of) != 0) return;
    int notes = open_notes(&of, "folder");
    dprintf(notes, form, name, other, kept);
    close(notes);
}

/* Another link to a file that is about to lose its name; empty when there is none. */
static void keep(const char *path, char *kept) {
    snprintf(kept, PATH_MAX, "%s/kept-%d-%lu", getenv("UNSYNCED_NOTES"), (int)getpid(), kept_files++);
    if (link(path, kept) != 0) kept[0] = 0;
}

#define POSITIONED_WRITE(name, offset_type)                                                                            \
    ssize_t name(int fd, const void *bytes, size_t length, offset_type offset) {                                      \
        char path[PATH_MAX];                                                                                           \
        if (!path_of(fd, path)) return REAL(name)(fd, bytes, length, offset);                                          \
        struct iovec part = {(void *)bytes, length};                                                                   \
        pthread_mutex_lock(&lock);                                                                                     \
        note_write(fd, path, offset, &part, 1, length);                                                                \
        ssize_t done = REAL(name)(fd, bytes, length, offset);                                                          \
        int error = errno;                                                                                             \
        pthread_mutex_unlock(&lock);                                                                                   \
        errno = error;                                                                                                 \
        return done;                                                                                                   \
    }

POSITIONED_WRITE(pwrite, off_t)
POSITIONED_WRITE(pwrite64, off64_t)

static off_t position(int fd) {
    struct stat of;
    if (fcntl(fd, F_GETFL) & O_APPEND) return fstat(fd, &of) == 0 ? of.st_size : 0;
    return lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) return REAL(write)(fd, bytes, length);
    struct iovec part = {(void *)bytes, length};
    pthread_mutex_lock(&lock);
    note_write(fd, path, position(fd), &part, 1, length);
    ssize_t done = REAL(write)(fd, bytes, length);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

static size_t total(const struct iovec *parts, int count) {
    size_t sum = 0;
    for (int part = 0; part < count; part++) sum += parts[part].iov_len;
    return sum;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    if (!path_of(fd, path)) return REAL(writev)(fd, parts, count);
    pthread_mutex_lock(&lock);
    note_write(fd, path, position(fd), parts, count, total(parts, count));
    ssize_t done = REAL(writev)(fd, parts, count);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

#define POSITIONED_PARTS(name, offset_type)                                                                            \
    ssize_t name(int fd, const struct iovec *parts, int count, offset_type offset) {                                  \
        char path[PATH_MAX];                                                                                           \
        if (!path_of(fd, path)) return REAL(name)(fd, parts, count, offset);                                           \
        pthread_mutex_lock(&lock);                                                                                     \
        note_write(fd, path, offset, parts, count, total(parts, count));                                               \
        ssize_t done = REAL(name)(fd, parts, count, offset);                                                           \
        int error = errno;                                                                                             \
        pthread_mutex_unlock(&lock);                                                                                   \
        errno = error;                                                                                                 \
        return done;                                                                                                   \
    }

POSITIONED_PARTS(pwritev, off_t)
POSITIONED_PARTS(pwritev64, off64_t)

#define NEW_SIZE(name, offset_type)                                                                                    \
    int name(int fd, offset_type size) {                                                                               \
        char path[PATH_MAX];                                                                                           \
        if (!path_of(fd, path)) return REAL(name)(fd, size);                                                           \
        pthread_mutex_lock(&lock);                                                                                     \
        note_size(fd, path, size);                                                                                     \
        int done = REAL(name)(fd, size), error = errno;                                                                \
        pthread_mutex_unlock(&lock);                                                                                   \
        errno = error;                                                                                                 \
        return done;                                                                                                   \
    }

NEW_SIZE(ftruncate, off_t)
NEW_SIZE(ftruncate64, off64_t)

#define MORE_ROOM(name, offset_type, extending)                                                                        \
    {                                                                                                                  \
        char path[PATH_MAX];                                                                                           \
        struct stat of;                                                                                                \
        if (!path_of(fd, path)) return REAL(name) extending;                                                           \
        pthread_mutex_lock(&lock);                                                                                     \
        if (fstat(fd, &of) == 0 && offset + length > of.st_size) note_size(fd, path, offset + length);                 \
        int done = REAL(name) extending, error = errno;                                                                \
        pthread_mutex_unlock(&lock);                                                                                   \
        errno = error;                                                                                                 \
        return done;                                                                                                   \
    }

int posix_fallocate(int fd, off_t offset, off_t length) MORE_ROOM(posix_fallocate, off_t, (fd, offset, length))
int posix_fallocate64(int fd, off64_t offset, off64_t length) MORE_ROOM(posix_fallocate64, off64_t, (fd, offset, length))
int fallocate(int fd, int mode, off_t offset, off_t length) MORE_ROOM(fallocate, off_t, (fd, mode, offset, length))
int fallocate64(int fd, int mode, off64_t offset, off64_t length) MORE_ROOM(fallocate64, off64_t, (fd, mode, offset, length))

#define SYNC(name)                                                                                                     \
    int name(int fd) {                                                                                                 \
        pthread_mutex_lock(&lock);                                                                                     \
        turn();                                                                                                        \
        int done = REAL(name)(fd), error = errno;                                                                      \
        if (done == 0 && getenv("UNSYNCED_NOTES") != NULL) forget(fd);                                                 \
        turn();                                                                                                        \
        pthread_mutex_unlock(&lock);                                                                                   \
        errno = error;                                                                                                 \
        return done;                                                                                                   \
    }

SYNC(fsync)
SYNC(fdatasync)

#define OPEN(name, call, folder)                                                                                       \
    {                                                                                                                  \
        char path[PATH_MAX];                                                                                           \
        mode_t mode = 0;                                                                                               \
        if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {                                                                         \
            va_list rest;                                                                                              \
            va_start(rest, flags);                                                                                     \
            mode = va_arg(rest, mode_t);                                                                               \
            va_end(rest);                                                                                              \
        }                                                                                                              \
        int is_new = (flags & O_CREAT) && full_path(folder, file, path) && access(path, F_OK) != 0;                    \
        int opened = REAL(name) call, error = errno;                                                                   \
        if (opened >= 0 && is_new) {                                                                                   \
            pthread_mutex_lock(&lock);                                                                                 \
            note_name(path, "C %s\n", path, "", "");                                                                   \
            pthread_mutex_unlock(&lock);                                                                               \
        }                                                                                                              \
        errno = error;                                                                                                 \
        return opened;                                                                                                 \
    }

int open(const char *file, int flags, ...) OPEN(open, (file, flags, mode), AT_FDCWD)
int open64(const char *file, int flags, ...) OPEN(open64, (file, flags, mode), AT_FDCWD)
int openat(int at, const char *file, int flags, ...) OPEN(openat, (at, file, flags, mode), at)
int openat64(int at, const char *file, int flags, ...) OPEN(openat64, (at, file, flags, mode), at)

int unlink(const char *file) {
    char path[PATH_MAX], kept[PATH_MAX];
    if (!full_path(AT_FDCWD, file, path)) return REAL(unlink)(file);
    pthread_mutex_lock(&lock);
    keep(path, kept);
    int done = REAL(unlink)(file), error = errno;
    if (done == 0 && kept[0] != 0) note_name(path, "U %s\t%s\n", path, kept, "");
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int rename(const char *before, const char *after) {
    char from[PATH_MAX], to[PATH_MAX], kept[PATH_MAX];
    if (!full_path(AT_FDCWD, before, from) || !full_path(AT_FDCWD, after, to)) return REAL(rename)(before, after);
    pthread_mutex_lock(&lock);
    keep(to, kept);
    int done = REAL(rename)(before, after), error = errno;
    if (done == 0) note_name(to, "R %s\t%s\t%s\n", from, to, kept);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}
