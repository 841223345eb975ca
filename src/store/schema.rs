//! The tables, once for both databases.

diesel::table! {
    users (id) {
        id -> BigInt,
        username -> Text,
        username_key -> Text,
        email -> Text,
        email_key -> Text,
        password_hash -> Text,
        locale -> Text,
        operator -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    signups (id) {
        id -> BigInt,
        receipt -> Text,
        idempotency_key -> Nullable<Text>,
        fingerprint -> Text,
        user_id -> BigInt,
        address_taken -> Bool,
        username -> Text,
        locale -> Text,
        created_at -> BigInt,
        username_key -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        told_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    sessions (token_hash) {
        token_hash -> Text,
        user_id -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    browsers (token_hash) {
        token_hash -> Text,
        user_id -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    throttles (subject) {
        subject -> Text,
        allowed_at -> BigInt,
    }
}

diesel::table! {
    jobs (id) {
        id -> BigInt,
        kind -> Text,
        queue -> Text,
        state -> Text,
        priority -> Integer,
        args -> Text,
        attempt -> Integer,
        max_attempts -> Integer,
        created_at -> BigInt,
        run_at -> BigInt,
        started_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        owner -> Nullable<Text>,
        progress -> Nullable<Integer>,
        result -> Nullable<Text>,
        user_id -> Nullable<BigInt>,
        signup_id -> Nullable<BigInt>,
        crashes -> Integer,
        unique_key -> Nullable<Text>,
        unique_states -> Nullable<Integer>,
        limit_key -> Nullable<Text>,
        cancel_at -> Nullable<BigInt>,
        message -> Nullable<Text>,
        trace -> Nullable<Text>,
        flow -> Nullable<BigInt>,
        blockers -> Integer,
    }
}

diesel::table! {
    edges (before, after) {
        before -> BigInt,
        after -> BigInt,
        upon -> Text,
    }
}

diesel::table! {
    steps (job_id, name) {
        job_id -> BigInt,
        name -> Text,
        result -> Text,
        finished_at -> BigInt,
    }
}

diesel::table! {
    attempts (job_id, attempt) {
        job_id -> BigInt,
        attempt -> Integer,
        owner -> Text,
        started_at -> BigInt,
        finished_at -> BigInt,
        outcome -> Text,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    queues (name) {
        name -> Text,
        paused_at -> Nullable<BigInt>,
        paused_because -> Nullable<Text>,
        workers -> Nullable<Integer>,
        at_once -> Nullable<Integer>,
        at_once_per_key -> Nullable<Integer>,
        rate_jobs -> Nullable<Integer>,
        rate_period -> Nullable<BigInt>,
        rate_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    crontab (name) {
        name -> Text,
        kind -> Text,
        args -> Text,
        schedule -> Text,
        zone -> Text,
        missed -> Text,
        gap -> Text,
        fold -> Text,
        declared -> Bool,
        enabled -> Bool,
        passed_at -> BigInt,
        last_at -> Nullable<BigInt>,
        last_job -> Nullable<BigInt>,
    }
}

diesel::table! {
    instances (id) {
        id -> Text,
        process -> Text,
        beats -> BigInt,
        started_at -> BigInt,
    }
}

diesel::table! {
    letters (id) {
        id -> BigInt,
        message_id -> Text,
        sender -> Text,
        recipient -> Text,
        subject -> Text,
        body_text -> Text,
        body_html -> Text,
        source -> Binary,
        sent_at -> BigInt,
    }
}

diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(browsers -> users (user_id));
diesel::joinable!(signups -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(users, sessions);
diesel::allow_tables_to_appear_in_same_query!(users, browsers);
diesel::allow_tables_to_appear_in_same_query!(users, signups);
diesel::allow_tables_to_appear_in_same_query!(edges, jobs);
diesel::allow_tables_to_appear_in_same_query!(instances, jobs);
diesel::allow_tables_to_appear_in_same_query!(attempts, jobs, signups);
diesel::allow_tables_to_appear_in_same_query!(jobs, steps);
diesel::allow_tables_to_appear_in_same_query!(signups, steps);
