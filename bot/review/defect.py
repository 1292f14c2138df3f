"""What defects are called: the kinds of defects that words speak of. Pure."""

import re
from functools import lru_cache

READ = 4_000  # characters of a text

# One expression a line. One defect has many wordings; of two that are told of one line, each has a name of its own.
_KINDS = {
    "injection": r"""
        sql[ -]?injection
        inject\w*
        (?:query|statement|sql|command)\b.{0,60}\b(?:f-string|concatenat|interpolat|format|built from|user input)
        (?:f-string|concatenat|interpolat).{0,60}\b(?:query|statement|sql|command|shell)
        unescaped.{0,30}(?:sql|query|shell)
        placeholder
        bind(?:ing)? parameter
        parameteri[sz]ed
        shell=true
    """,
    "script": r"""
        \bxss\b
        cross-site script
        unescaped.{0,40}(?:html|markup|output|page)
        innerhtml
        html.{0,30}(?:un)?escap
        script tag
        dangerouslysetinnerhtml
    """,
    "traversal": r"""
        path traversal
        directory traversal
        traversal
        \.\./
        zip slip
        (?:escape|outside|leav)\w*.{0,25}(?:directory|folder|root)
    """,
    "secret": r"""
        hard-?coded (?:secret|password|key|token|credential)\w*
        (?:secret|password|token|credential|api key)s?\b.{0,50}\b(?:log|logged|printed|leak\w*|commit\w*)
        (?:secret|password|token|credential|api key)s?\b.{0,50}\bin (?:the )?(?:source|repository|clear|image|layer)
        leaks? .{0,20}(?:secret|password|token|credential)
        (?:log|print)\w* .{0,30}(?:secret|password|token|credential)
    """,
    "access": r"""
        (?:missing|no|without|lacks?|skips?|removed?|bypass\w*|dropped)\b.{0,30}\b(?:auth\w*|permission|owner\w*|role)
        (?:missing|no|without|lacks?|broken)\b.{0,15} access (?:check|control)
        \bidor\b
        any(?:body|one) (?:can|may|could)
        unauthori[sz]ed
        unauthenticated
        privilege escalation
    """,
    "empty": r"""
        \b(?:null|none|nil|undefined|npe|nullpointer\w*|nonetype|optional|unwrap\w*)\b.{0,60}\b(?:deref\w*|crash\w*|panic\w*|throw\w*|check\w*|access\w*|raise\w*|error|exception|attribute\w*)
        deref\w*.{0,30}(?:null|nil|none)
        (?:can|may|might|could) (?:be|return) (?:null|none|nil|undefined)
        null ?pointer
        unwrap
    """,
    "bound": r"""
        off[ -]by[ -]one
        out of (?:bounds|range)
        last (?:element|item|entry|page|row|byte|character)\w*.{0,30}(?:skip|miss|lost|drop|left out|never|ignored)
        (?:skips?|misses|drops|omits|leaves out) the (?:last|first)
        one (?:too (?:many|few)|element (?:too|past)|past)
        past the end
        index\w*.{0,20}(?:beyond|past|outside)
        inclusive
    """,
    "await": r"""
        (?:not|never|missing|without|forg\w+|lacks?)\b.{0,25}\bawait\w*
        unawaited
        floating promise
        unhandled (?:promise|rejection)
        promise.{0,40}(?:ignored|float\w*|dropped|not handled)
        fire[- ]and[- ]forget
        coroutine.{0,30}never
    """,
    "race": r"""
        \brac(?:e|y|es)\b
        not thread[ -]?safe
        concurren\w+
        data race
        toctou
        check[- ]then[- ]act
        lost update
        not atomic
        atomic\w*
        unsynchroni[sz]ed
        (?:without|outside)(?: of)? (?:holding |taking )?(?:a |the |its )?(?:\w+ )?(?:lock|mutex)\b
        after (?:the |its )?(?:un)?lock
        two (?:requests|threads|workers)
    """,
    "deadlock": r"""
        deadlock
        lock.{0,30}(?:never|not) (?:be )?(?:released|unlocked)
        never unlock\w*
        (?:blocks?|waits?|hangs?|stuck) for ?ever
        hangs?\b
    """,
    "leak": r"""
        (?:never|not|without being) closed?
        (?:resource|memory|connection|handle|descriptor|goroutine|listener|file|body)s? (?:is |are )?leak\w*
        leak(?:s|ed|ing)? (?:the |a |every |each |one )?(?:\w+ )?(?:resource|memory|connection|handle|descriptor)
        leak(?:s|ed|ing)? (?:the |a |every |each |one )?(?:\w+ )?(?:goroutine|listener|file|body|socket|cursor)
        retain cycle
        left open
        not released
        unclosed
    """,
    "swallow": r"""
        swallow\w*
        (?:error|exception|failure)s? (?:is |are |gets? )?(?:silently )?(?:ignored|lost|dropped|discarded|suppressed)
        (?:ignor|discard|suppress|hid)(?:e|es|ing|s) .{0,25}(?:error|exception|failure)
        bare except
        catch(?:es|ing)? (?:everything|all|too much)
        empty catch
        except.{0,12}pass
        unchecked error
    """,
    "many-queries": r"""
        n ?\+ ?1\b
        (?:query|queries|request|round[- ]?trip|select)s? .{0,30}(?:in (?:a|the|every) loop|for (?:each|every)|inside)
        (?:query|queries|request|round[- ]?trip|select)s? .{0,30}per (?:row|item|element|user|order)
        in a loop.{0,30}(?:query|queries|request)
        one query (?:per|for)
    """,
    "slow": r"""
        quadratic
        o\(n ?(?:\^2|²|\*\*2)\)
        linear (?:scan|search|time)
        nested loop
        accidentally quadratic
        repeated(?:ly)? (?:concatenat|scan|sort|compil)\w*
        recompil\w*
        recomputed
    """,
    "blocking": r"""
        block(?:s|ing) (?:the )?(?:event loop|main thread|ui)
        synchronous .{0,25}(?:in|inside) async
        time\.sleep
    """,
    "overflow": r"""
        overflow\w*
        underflow\w*
        wrap(?:s|ped)? around
        truncat\w*
    """,
    "buffer": r"""
        buffer (?:overflow|overrun)
        (?:writ|read)\w* (?:beyond|past|outside).{0,30}(?:buffer|array|end)
        strcpy
        unbounded copy
        overflows? (?:the|its|a) (?:record|buffer|array|struct\w*|stack|heap|field)
        (?:outside|beyond|past|behind) (?:of )?(?:the |its )(?:array|buffer|end|struct\w*|block|record)
        use[- ]after[- ]free
        double free
    """,
    "division": r"""
        divi(?:de|des|ded|sion|ding) by zero
        zerodivision\w*
        empty (?:list|input|array|sequence).{0,40}divi\w+
    """,
    "identity": r"""
        (?:compar\w*|equal\w*|==|\bis\b).{0,40}(?:reference|identity|instead of (?:equals|==)|with (?:`?==`?|is))
        reference (?:equality|comparison)
        always (?:true|false|unequal)
        never (?:true|equal|match\w*)
    """,
    "shared-default": r"""
        mutable default
        shared (?:between|across|by all) .{0,25}(?:calls|instances)
        default argument
    """,
    "time": r"""
        time ?zone
        naive (?:date|time)\w*
        \butc\b
        daylight
        \bdst\b
        leap year
        local time
    """,
    "unit": r"""
        milli-?seconds?
        cents
        wrong unit
        units?\b.{0,20}(?:mismatch|mixed|confus\w*)
        seconds? (?:instead|where|rather)
    """,
    "money": r"""
        float\w*.{0,40}(?:money|price|amount|cents|currency)
        (?:money|price|amount).{0,40}float\w*
        rounding
    """,
    "random": r"""
        (?:predictable|weak|guessable|insecure|non-cryptographic) .{0,25}(?:random\w*|token|id|secret)
        random\w*.{0,40}(?:predictable|guess\w*|not (?:secure|cryptographic\w*))
        math\.random
        mt19937
    """,
    "untested": r"""
        (?:no|missing|without|lacks?|not covered by|add) (?:a |any |unit )?tests?\b
        untested
        test coverage
        not (?:tested|covered)
        never tested
    """,
    "weak-test": r"""
        test.{0,40}(?:asserts? nothing|always pass\w*|cannot fail|never fails?)
        assert\w*.{0,20}(?:loosened|weakened|removed)
    """,
    "endless": r"""
        infinite (?:loop|recursion)
        endless\w*
        never (?:ends?|terminates?|stops)
        no (?:limit|bound) on retr\w+
    """,
    "forgery": r"""
        \bssrf\b
        \bcsrf\b
        open redirect
        request forgery
    """,
    "decoding": r"""
        deseriali[sz]\w*
        pickle
        yaml\.load
        unsafe load
    """,
    "assignment": r"""
        mass[- ]assign\w*
        permit!
        strong parameters
    """,
    "timing": r"""
        timing (?:attack|side|safe)
        constant[- ]time
        compare_digest
    """,
    "crypto": r"""
        \bmd5\b
        \bsha-?1\b
        weak hash
        \becb\b
        (?:static|fixed|constant|reused) (?:iv|nonce|salt)
        certificate (?:check|verif)\w*
        verify=false
    """,
    "precedence": r"""
        operator precedence
        precedence
        inverted (?:condition|check|logic)
        condition is (?:inverted|reversed|wrong)
    """,
    "unreachable": r"""
        unreachable
        dead code
        never (?:reached|executed|runs?)
    """,
    "stale": r"""
        stale
        cache.{0,30}(?:invalidat\w*|never (?:updated|refreshed)|out of date)
        not invalidated
    """,
}


def _pattern(lines: str) -> re.Pattern[str]:
    return re.compile("|".join(line.strip() for line in lines.strip().split("\n")), re.IGNORECASE | re.DOTALL)


_PATTERNS = {kind: _pattern(lines) for kind, lines in _KINDS.items()}


@lru_cache(maxsize=4096)
def kinds(text: str) -> frozenset[str]:
    """The kinds of defects that a text speaks of; empty where it says it in words that nobody knows."""
    return frozenset(kind for kind, pattern in _PATTERNS.items() if pattern.search(text[:READ]))
