//! What earlier versions of these programs wrote, and what other exporters write in their place.

use super::outcomes::describe;
use super::*;

/// A file with what each of its items becomes.
type Case = (Format, &'static str, &'static str);

const CASES: &[Case] = &[
    (
        Format::LastPass,
        "url,username,password,extra,name,grouping,fav\nhttps://a.example,bo,pw1,text,mail,(none),0\n",
        "1 login \"mail\"\n    url: \"https://a.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)\n    notes = \"text\" (multiline)",
    ),
    (
        Format::LastPass,
        "id,name,url,username,password,extra,grouping,fav,last_touch\n7,mail,,bo,pw1,,Home,1,2024-05-06\n",
        "1 login \"mail\" favourite\n    folder: \"Home\"\n    origin: \"lastpass:7\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)\n    last used = \"2024-05-06\" (date)",
    ),
    (
        Format::Apple,
        "Title,Url,Username,Password,OTPAuth\nmail,https://a.example,bo,pw1,\n",
        "1 login \"mail\"\n    url: \"https://a.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)",
    ),
    (
        Format::Firefox,
        "url,username,password,httpRealm,formActionOrigin\nhttps://a.example,bo,pw1,,\n",
        "1 login \"a.example\"\n    url: \"https://a.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)",
    ),
    (
        Format::Firefox,
        "hostname,username,password,formSubmitURL,httpRealm,usernameField,passwordField\nhttps://a.example,bo,pw1,https://a.example,,user,pass\n",
        "1 login \"a.example\"\n    url: \"https://a.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)\n    username field = \"user\" (text)\n    password field = \"pass\" (text)",
    ),
    (
        Format::OnePasswordCsv,
        "Title,Url,Username,Password,OTPAuth,Favorite,Archived,Tags,Notes\nmail,https://a.example,bo,pw1,GEZDGNBV,true,false,one,text\n",
        "1 login \"mail\" favourite\n    url: \"https://a.example\"\n    tag: \"one\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)\n    otp * \"GEZDGNBV\" (otp)\n    notes = \"text\" (multiline)",
    ),
    (
        Format::Dashlane,
        "username,username2,username3,title,password,note,url,category,otpSecret\nbo,,,mail,pw1,,a.example,,GEZDGNBV\n",
        "1 login \"mail\"\n    url: \"a.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)\n    otp * \"GEZDGNBV\" (otp)",
    ),
    (
        Format::NordPass,
        "name,url,username,password,note,cardholdername,cardnumber,cvc,expirydate,zipcode,folder,full_name,phone_number,email,address1,address2,city,country,state\n\
         mail,https://a.example,bo,pw1,,,,,,,Home,,,,,,,,\nvisa,,,,,Bo Nilsen,4000,123,03/31,,,,,,,,,,\n",
        "1 login \"mail\"\n    folder: \"Home\"\n    url: \"https://a.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)\n\
         2 card \"visa\"\n    expires = \"2031-03\" (date)\n    holder = \"Bo Nilsen\" (text)\n    number * \"4000\" (secret)\n    code * \"123\" (secret)",
    ),
    (
        Format::ProtonPassCsv,
        "type,name,url,username,password,note,totp,createTime,modifyTime\nlogin,mail,https://a.example,bo,pw1,,,1600000000,0\n",
        "1 login \"mail\"\n    url: \"https://a.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)\n    created = \"2020-09-13T12:26:40.000Z\" (date)\nwarning: Proton Pass's CSV has no custom fields and no trash; its JSON has",
    ),
    (
        Format::Zoho,
        "Secret Name,Secret URL,Notes,SecretData,CustomData\nmail,https://a.example,text,\"SecretType:Web Account\nUser Name:bo\nPassword:pw1\n\",\n",
        "1 login \"mail\"\n    url: \"https://a.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)\n    notes = \"text\" (multiline)",
    ),
    (
        Format::Buttercup,
        "!group_id,!group_name,title,username,password,URL,id\ng1,Home,mail,bo,pw1,https://a.example,e1\n",
        "1 login \"mail\"\n    folder: \"Home\"\n    origin: \"buttercup:e1\"\n    url: \"https://a.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)",
    ),
    (
        Format::RoboForm,
        "Name,Url,MatchUrl,Login,Pwd,Note,Folder\nmail,https://a.example,,bo,pw1,,/Home\n",
        "1 login \"mail\"\n    folder: \"Home\"\n    url: \"https://a.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)",
    ),
    (
        Format::EnpassCsv,
        "\"Title\",\"Field\",\"Value\",\"Field\",\"Value\",.........,\"Note\"\n\"mail\",\"Username\",\"bo\",\"Password\",\"pw1\",\"\"\n",
        "1 login \"mail\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)",
    ),
    (
        Format::KeeperCsv,
        ",mail,bo,pw1,https://a.example,text,\n,door,,pw2,,,\n",
        "1 login \"mail\"\n    url: \"https://a.example\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)\n    notes = \"text\" (multiline)\n2 login \"door\"\n    password * \"pw2\" (secret)",
    ),
    (
        Format::KeeperJson,
        r#"{"records":[{"title":"me","$type":"contact","custom_fields":{"$birthDate":-648597600000,"$name":[{"first":"Bo","last":"Nilsen"},{"first":"Bob","last":"N"}]}}]}"#,
        "1 identity \"me\"\n    type = \"contact\" (text)\n    birth-date = \"1949-06-13\" (date)\n    name = \"Bo Nilsen\" (text)\n    name 2 = \"Bob N\" (text)",
    ),
    (
        Format::EnpassJson,
        r#"{"items":[{"uuid":"i1","title":"mail","category":"login","fields":[{"label":"Password","type":"password","value":"pw1"}]}]}"#,
        "1 login \"mail\"\n    origin: \"enpass:i1\"\n    password * \"pw1\" (secret)",
    ),
    (
        Format::ProtonPassJson,
        r#"{"version":"1.5.0","vaults":{"v":{"name":"","items":[{"itemId":"i1","data":{"metadata":{"name":"mail"},"type":"login","content":{"username":"bo","password":"pw1","urls":[]}}}]}}}"#,
        "1 login \"mail\"\n    origin: \"protonpass:i1\"\n    username = \"bo\" (text)\n    password * \"pw1\" (secret)",
    ),
];

#[test]
fn earlier_versions_and_other_exporters_are_read_alike() {
    for (format, text, expected) in CASES {
        assert_eq!(detect(text.as_bytes(), None), Ok(*format), "{text}");
        assert_eq!(describe(&read(text)), *expected, "{text}");
    }
}

#[test]
fn what_proton_pass_encrypted_is_named_so() {
    let text = r#"{"version":"1.30.0","encrypted":true,"vaults":{}}"#;
    let format = Format::ProtonPassJson;
    assert_eq!(refusal(text), ImportError::Encrypted { format });
}
