// The standard files are descriptors like any other: as a daemon does, puts them aside, puts others in their place, and changes the
// user that it is.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static void say(int to, const char *text) { assert(write(to, text, strlen(text)) == (ssize_t)strlen(text)); }

static void standard_files(void) {
    say(1, "first\n");
    int aside = dup(1);
    assert(aside == 3 && fcntl(1, F_GETFL) == O_RDWR && !isatty(1));
    struct winsize size;
    assert(ioctl(1, TIOCGWINSZ, &size) == -1 && errno == ENOTTY);
    int null = open("/dev/null", O_RDWR);
    for (int at = 0; at < 3; at++) {
        assert(dup2(null, at) == at);
    }
    say(1, "to nowhere\n");
    say(aside, "second\n");
    assert(close(0) == 0 && open("/file", O_CREAT | O_RDWR, 0600) == 0);
    assert(fcntl(0, F_DUPFD, 3) == 5 && close(2) == 0 && fcntl(2, F_GETFD) == -1 && errno == EBADF);
    assert(write(2, "x", 1) == -1 && fcntl(aside, F_DUPFD, 0) == 2);
    say(0, "in the file");
    struct stat is;
    assert(fstat(0, &is) == 0 && is.st_size == 11 && fstat(2, &is) == 0 && S_ISCHR(is.st_mode));
    assert(dup2(aside, 1) == 1);
    printf("third\n");
    fflush(stdout);
    struct pollfd both[] = {{1, POLLOUT, 0}, {aside, POLLIN, 0}};
    char byte;
    assert(poll(both, 2, -1) == 2 && read(aside, &byte, 1) == 0);
    int named = open("/dev/stderr", O_WRONLY);
    say(named, "fourth\n");
}

static void users(void) {
    struct passwd *nobody = getpwnam("nobody"), entry, *found;
    char room[64];
    assert(nobody && nobody->pw_uid == 65534 && !strcmp(nobody->pw_dir, "/nonexistent"));
    assert(getpwuid_r(0, &entry, room, sizeof room, &found) == 0 && found == &entry && !strcmp(entry.pw_name, "root"));
    assert(getpwuid_r(0, &entry, room, 8, &found) == ERANGE && !found);
    assert(getpwnam_r("who", &entry, room, sizeof room, &found) == 0 && !found && !getpwuid(77));
    // The scenario has put groups there.
    struct group *staff = getgrnam("staff");
    assert(staff && staff->gr_gid == 50 && !strcmp(staff->gr_mem[1], "nobody") && !staff->gr_mem[2] && !getgrnam("root"));
    gid_t groups[3];
    assert(setgroups(1, (gid_t[]){9}) == 0 && getgroups(3, groups) == 1 && groups[0] == 9);
    assert(initgroups("nobody", 65534) == 0 && getgroups(3, groups) == 2 && groups[1] == 50);
    assert(getgroups(1, groups) == -1 && errno == EINVAL);
    assert(setgid(65534) == 0 && setuid(65534) == 0 && getuid() == 65534 && getegid() == 65534);
    assert(setuid(0) == -1 && errno == EPERM && seteuid(0) == -1 && setgroups(0, NULL) == -1 && errno == EPERM);
    assert(chown("/file", 1, 1) == 0 && chown("/none", 1, 1) == -1 && errno == ENOENT);
    printf("user %d\n", geteuid());
}

extern void __syslog_chk(int, int, const char *, ...);

static void messages(void) {
    openlog("logger", LOG_PID, LOG_DAEMON);
    errno = ENOENT;
    syslog(LOG_ERR, "%s %d %d %d %d %d %.2f: %m", "eight", 1, 2, 3, 4, 5, 6.25);
    assert(setlogmask(LOG_UPTO(LOG_ERR)) == 0xff);
    syslog(LOG_INFO, "nobody reads this");
    __syslog_chk(LOG_ERR, 1, "%.1f %s %d %d %d %d\n", 0.5, "two", 3, 4, 5, 6);
}

static int cleaned;

static void clean(int *by) { cleaned += *by; }

static __attribute__((noinline)) void leave(void *with) {
    int by __attribute__((cleanup(clean))) = 7;
    pthread_exit(with);
}

static void *begin(void *with) {
    leave(with);
    return NULL;
}

static void threads(void) {
    for (long at = 0; at < 3; at++) {
        pthread_t thread;
        void *result;
        assert(pthread_create(&thread, NULL, begin, (void *)at) == 0 && pthread_join(thread, &result) == 0);
        assert(result == (void *)at && cleaned == 7 * (at + 1));
    }
}

int main(void) {
    standard_files();
    users();
    messages();
    threads();
    return 0;
}
