/* An echo server as C programs are: getopt, a thread for each connection, mutexes and a condition variable, and a log that is
 * written by stdio and synced. Each time that it starts it reads its log, in which every line is whole. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct done {
    struct done *next;
    size_t bytes;
};

static pthread_mutex_t lock;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct done *first;
static int starts;
static _Thread_local int fresh = 7;
#ifdef THREAD_LOCAL
_Thread_local char large[65536];
#endif

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* The lock is recursive: whoever has it may take it again, and nobody else. */
static void push(struct done *done) {
    pthread_mutex_lock(&lock);
    pthread_mutex_lock(&lock);
    done->next = first;
    first = done;
    pthread_mutex_unlock(&lock);
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

static void *echo(void *argument) {
    int fd = (int)(long)argument;
    assert(fresh++ == 7);
    size_t room = 16, bytes = 0;
    char *buffer = malloc(room);
    for (;;) {
        ssize_t n = read(fd, buffer, room);
        if (n <= 0)
            break;
        for (ssize_t sent = 0; sent < n;) {
            ssize_t m = send(fd, buffer + sent, (size_t)(n - sent), MSG_NOSIGNAL);
            if (m < 0 && errno != EINTR)
                goto out;
            if (m > 0)
                sent += m;
        }
        bytes += (size_t)n;
        if ((size_t)n == room)
            buffer = realloc(buffer, room *= 2);
    }
out:
    close(fd);
    free(buffer);
    struct done *done = calloc(1, sizeof *done);
    assert(done->next == NULL);
    done->bytes = bytes;
    push(done);
    return NULL;
}

static void *write_log(void *argument) {
    FILE *log = argument;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (first == NULL)
            pthread_cond_wait(&changed, &lock);
        struct done *done = first;
        first = done->next;
        pthread_mutex_unlock(&lock);
        fprintf(log, "%d %zu bytes %ld\n", starts, done->bytes, random());
        free(done);
        if (fflush(log) != 0 || fsync(fileno(log)) != 0)
            fail("log");
    }
}

static void read_log(void) {
    FILE *log = fopen("log", "r");
    char *line = NULL;
    size_t room = 0;
    while (log != NULL && getline(&line, &room, log) > 0) {
        size_t bytes;
        long number;
        /* The last line may be torn. */
        if (line[strlen(line) - 1] == '\n' && sscanf(line, "%d %zu bytes %ld", &starts, &bytes, &number) != 3)
            printf("torn: %s\n", line);
    }
    free(line);
    if (log != NULL)
        fclose(log);
    DIR *folder = opendir(".");
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        printf("%s has %s\n", getenv("PWD"), entry->d_name);
    closedir(folder);
}

static void bye(void) {
    puts("never reached: it is killed");
}

int main(int argc, char **argv) {
    int port = 0, option;
    while ((option = getopt(argc, argv, "p:d:")) != -1) {
        if (option == 'p')
            port = atoi(optarg);
        else if (option != 'd' || (mkdir(optarg, 0755) != 0 && errno != EEXIST) || chdir(optarg) != 0)
            fail("options");
        else
            setenv("PWD", optarg, 1);
    }
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&lock, &recursive);
    atexit(bye);
    if (optind != argc || starts != 0)
        fail("statics");
    read_log();
    starts++;
    srandom((unsigned)starts);
    FILE *log = fopen("log", "a");
    pthread_t thread;
    if (log == NULL || pthread_create(&thread, NULL, write_log, log) != 0)
        fail("log");
    pthread_detach(thread);
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0)
        fail("listen");
    printf("%s listens, start %d\n", argv[0], starts);
    fflush(stdout);
    for (;;) {
        int peer = accept(fd, NULL, NULL);
        if (peer < 0)
            continue;
        if (pthread_create(&thread, NULL, echo, (void *)(long)peer) != 0)
            fail("thread");
        pthread_detach(thread);
    }
}
