//! QR codes in pictures (ISO/IEC 18004): screenshots and photos of what a site or another authenticator shows.
//!
//! A picture is hostile input: sides and pixels are limited before anything is unpacked, and so is what is searched, as it is
//! and inverted, smaller and, where it is small, larger; so no picture takes more than some tens of megabytes and a few seconds. What stands in a code is a seed most times, so texts come out as secrets.

use crate::secret::Secret;
use core::fmt;
use png::{ColorType, Transformations};
use rqrr::PreparedImage;
use std::io::Cursor;
use zeroize::Zeroizing;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Longest side, in pixels.
pub const MAX_SIDE: usize = 12_000;
/// Most pixels.
pub const MAX_PIXELS: usize = 64 << 20;
/// Codes in one picture.
pub const MAX_CODES: usize = 64;

/// Pixels that are searched: a larger picture is made smaller first.
const SEARCHED_PIXELS: usize = 4 << 20;
/// Scales that are tried, each half as wide as the one before; a photo's noise goes with its size.
const SCALES: usize = 3;
/// A picture with no side longer than this is searched enlarged too: one that was made smaller to be shared has modules of
/// two pixels, which are too few to be seen.
const SMALL_SIDE: usize = 600;
/// How much larger.
const ENLARGEMENTS: [usize; 2] = [2, 3];
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";

/// What keeps a picture from being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PictureError {
    /// Neither PNG nor JPEG.
    Unknown,
    /// A picture in another format.
    OtherFormat,
    /// Its colours are those of print.
    Colours,
    /// It has more pixels than are read.
    TooLarge,
    /// It is cut off or damaged.
    Damaged,
    /// No code is seen in it.
    NoCode,
}

impl PictureError {
    /// In words.
    #[must_use]
    pub fn as_text(self) -> &'static str {
        match self {
            Self::Unknown => "it is no picture in PNG or JPEG",
            Self::OtherFormat => "pictures are read as PNG or JPEG; save it as one of them",
            Self::Colours => {
                "the picture's colours (CMYK, YCCK) are not supported; save it in RGB or grey"
            }
            Self::TooLarge => "the picture has more pixels than are read (64 million)",
            Self::Damaged => "the picture is cut off or damaged",
            Self::NoCode => "no QR code is seen in the picture",
        }
    }
}

impl fmt::Display for PictureError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_text())
    }
}

impl std::error::Error for PictureError {}

/// Whether bytes begin as a picture, of a format that can be read or another one.
#[must_use]
pub fn is_picture(bytes: &[u8]) -> bool {
    bytes.starts_with(PNG) || bytes.starts_with(JPEG) || is_other_picture(bytes)
}

/// GIF, WebP, BMP, TIFF, HEIC and AVIF, by signs that no text begins with.
fn is_other_picture(bytes: &[u8]) -> bool {
    const BRANDS: [&[u8]; 7] = [
        b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1", b"avif",
    ];
    let has = |at: usize, sign: &[u8]| {
        let rest = bytes.get(at..);
        rest.is_some_and(|rest| rest.starts_with(sign))
    };
    let is_gif = has(0, b"GIF87a") || has(0, b"GIF89a");
    let is_webp = has(0, b"RIFF") && has(8, b"WEBP");
    // A text may begin with its two letters; none has four zeros behind them.
    let is_bmp = has(0, b"BM") && has(6, &[0; 4]);
    let is_tiff = has(0, b"II*\0") || has(0, b"MM\0*");
    let is_heic = has(4, b"ftyp") && BRANDS.iter().any(|brand| has(8, brand));
    is_gif || is_webp || is_bmp || is_tiff || is_heic
}

/// The texts of all QR codes in a PNG or JPEG.
///
/// # Errors
/// As [`PictureError`].
pub fn read_codes(bytes: &[u8]) -> Result<Vec<Secret>, PictureError> {
    let mut grey = if bytes.starts_with(PNG) {
        read_png(bytes)?
    } else if bytes.starts_with(JPEG) {
        read_jpeg(bytes)?
    } else if is_other_picture(bytes) {
        return Err(PictureError::OtherFormat);
    } else {
        return Err(PictureError::Unknown);
    };
    while grey.pixels.len() > SEARCHED_PIXELS {
        grey = grey.halved();
    }
    let original = grey.is_small().then(|| grey.clone());
    for _ in 0..SCALES {
        if let Some(texts) = grey.codes() {
            return Ok(texts);
        }
        grey = grey.halved();
    }
    let enlarged = ENLARGEMENTS
        .iter()
        .filter_map(|times| Some(original.as_ref()?.enlarged(*times)));
    let mut found = enlarged.filter_map(|mut grey| grey.codes());
    found.next().ok_or(PictureError::NoCode)
}

/// A picture in shades of grey, row by row.
#[derive(Clone)]
struct Grey {
    width: usize,
    pixels: Zeroizing<Vec<u8>>,
}

impl Grey {
    fn height(&self) -> usize {
        self.pixels.len() / self.width.max(1)
    }

    fn at(&self, x: usize, y: usize) -> u8 {
        self.pixels.get(y * self.width + x).copied().unwrap_or(255)
    }

    /// Half as wide and half as high: each pixel the mean of four.
    fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height() / 2);
        let mut pixels = Zeroizing::new(Vec::with_capacity(width * height));
        for y in 0..height {
            for x in 0..width {
                let (left, top) = (2 * x, 2 * y);
                let four = [(0, 0), (1, 0), (0, 1), (1, 1)];
                let sum: u16 = four
                    .iter()
                    .map(|(right, down)| u16::from(self.at(left + right, top + down)))
                    .sum();
                pixels.push(u8::try_from(sum / 4).unwrap_or(255));
            }
        }
        Self { width, pixels }
    }

    fn is_small(&self) -> bool {
        self.width.max(self.height()) <= SMALL_SIDE
    }

    /// So many times as wide and as high: each pixel lies between those that it was (bilinear).
    fn enlarged(&self, times: usize) -> Self {
        let (width, height) = (self.width * times, self.height() * times);
        // In halves of a new pixel, so that middles lie on whole numbers.
        let steps = 2 * times;
        let place = |at: usize, last: usize| {
            let from_middle = (2 * at + 1).saturating_sub(times);
            let first = (from_middle / steps).min(last);
            (first, (first + 1).min(last), from_middle % steps)
        };
        let mut pixels = Zeroizing::new(Vec::with_capacity(width * height));
        for y in 0..height {
            let (top, bottom, down) = place(y, self.height().saturating_sub(1));
            for x in 0..width {
                let (left, right, across) = place(x, self.width.saturating_sub(1));
                let between = |y| {
                    let (one, other) = (self.at(left, y), self.at(right, y));
                    usize::from(one) * (steps - across) + usize::from(other) * across
                };
                let sum = between(top) * (steps - down) + between(bottom) * down;
                pixels.push(u8::try_from(sum / (steps * steps)).unwrap_or(255));
            }
        }
        Self { width, pixels }
    }

    /// White becomes black: a site with a dark theme may show a code so.
    fn invert(&mut self) {
        self.pixels.iter_mut().for_each(|shade| *shade = !*shade);
    }

    /// The texts of its codes, else of those that it has when it is inverted.
    fn codes(&mut self) -> Option<Vec<Secret>> {
        for _ in 0..2 {
            let texts = self.codes_as_shown();
            self.invert();
            if !texts.is_empty() {
                return Some(texts);
            }
        }
        None
    }

    fn codes_as_shown(&self) -> Vec<Secret> {
        let (width, height) = (self.width, self.height());
        if width < 21 || height < 21 {
            return Vec::new();
        }
        let mut prepared =
            PreparedImage::prepare_from_greyscale(width, height, |x, y| self.at(x, y));
        let grids = prepared.detect_grids();
        let texts = grids.iter().take(MAX_CODES).filter_map(|grid| {
            let mut bytes = Vec::new();
            grid.decode_to(&mut bytes).ok()?;
            Secret::from_utf8(bytes)
        });
        texts.collect()
    }
}

/// Refuses a picture by what it says of itself.
fn check_size(width: usize, height: usize) -> Result<(), PictureError> {
    if width == 0 || height == 0 {
        return Err(PictureError::Damaged);
    }
    let is_within = width <= MAX_SIDE && height <= MAX_SIDE && width * height <= MAX_PIXELS;
    is_within.then_some(()).ok_or(PictureError::TooLarge)
}

fn read_png(bytes: &[u8]) -> Result<Grey, PictureError> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(|error| problem_of(&error))?;
    let (width, height) = reader.info().size();
    let (width, height) = (to_length(width), to_length(height));
    check_size(width, height)?;
    let (color, _) = reader.output_color_type();
    let samples = color.samples();
    let mut pixels = Zeroizing::new(Vec::with_capacity(width * height));
    // Row by row: all of it in four colours would take four times as much. A picture in passes comes as a whole.
    if reader.info().interlaced {
        let size = reader.output_buffer_size().ok_or(PictureError::TooLarge)?;
        let mut whole = Zeroizing::new(vec![0; size]);
        let read = reader.next_frame(&mut whole);
        read.map_err(|error| problem_of(&error))?;
        pixels.extend(whole.chunks_exact(samples).map(|pixel| luma(color, pixel)));
    } else {
        while let Some(row) = reader.next_row().map_err(|error| problem_of(&error))? {
            pixels.extend(
                row.data()
                    .chunks_exact(samples)
                    .map(|pixel| luma(color, pixel)),
            );
        }
    }
    if pixels.len() == width * height {
        Ok(Grey { width, pixels })
    } else {
        Err(PictureError::Damaged)
    }
}

fn problem_of(error: &png::DecodingError) -> PictureError {
    match error {
        png::DecodingError::LimitsExceeded => PictureError::TooLarge,
        _ => PictureError::Damaged,
    }
}

/// Brightness of a pixel (ITU-R BT.601), on white where it is transparent.
fn luma(color: ColorType, pixel: &[u8]) -> u8 {
    let at = |place: usize| u32::from(pixel.get(place).copied().unwrap_or(255));
    let (grey, alpha) = match color {
        ColorType::Grayscale | ColorType::Indexed => (at(0), 255),
        ColorType::GrayscaleAlpha => (at(0), at(1)),
        ColorType::Rgb => (weigh(at(0), at(1), at(2)), 255),
        ColorType::Rgba => (weigh(at(0), at(1), at(2)), at(3)),
    };
    let shown = (grey * alpha + 255 * (255 - alpha)) / 255;
    u8::try_from(shown).unwrap_or(255)
}

fn weigh(red: u32, green: u32, blue: u32) -> u32 {
    (red * 299 + green * 587 + blue * 114) / 1000
}

fn read_jpeg(bytes: &[u8]) -> Result<Grey, PictureError> {
    let options = DecoderOptions::new_safe()
        .jpeg_set_out_colorspace(ColorSpace::Luma)
        .set_strict_mode(true)
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder
        .decode_headers()
        .map_err(|_| PictureError::Damaged)?;
    let (width, height) = decoder.dimensions().ok_or(PictureError::Damaged)?;
    check_size(width, height)?;
    let colours = decoder.input_colorspace();
    if matches!(colours, Some(ColorSpace::CMYK | ColorSpace::YCCK)) {
        return Err(PictureError::Colours);
    }
    let decoded = decoder.decode().map_err(|_| PictureError::Damaged)?;
    let mut pixels = Zeroizing::new(decoded);
    // Some pictures have no grey of their own.
    match pixels.len() / (width * height) {
        1 => {}
        3 => {
            let grey = pixels
                .chunks_exact(3)
                .map(|pixel| luma(ColorType::Rgb, pixel));
            pixels = Zeroizing::new(grey.collect());
        }
        _ => return Err(PictureError::Damaged),
    }
    Ok(Grey { width, pixels })
}

fn to_length(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use qrcodegen::{QrCode, QrCodeEcc};

    const URI: &str = "otpauth://totp/Site:me?secret=JBSWY3DPEHPK3PXP&issuer=Site";

    /// A picture of these texts side by side, so many pixels a module.
    fn drawn(texts: &[&str], scale: usize, color: ColorType) -> Vec<u8> {
        let codes: Vec<QrCode> = texts
            .iter()
            .map(|text| QrCode::encode_text(text, QrCodeEcc::Medium).unwrap())
            .collect();
        let side = codes.iter().map(QrCode::size).max().unwrap() + 8;
        let side = usize::try_from(side).unwrap() * scale;
        let width = side * codes.len();
        let mut pixels = Vec::new();
        for y in 0..side {
            for x in 0..width {
                let code = &codes[x / side];
                let module = |place: usize| i32::try_from(place / scale).unwrap() - 4;
                let dark = code.get_module(module(x % side), module(y));
                let shade = if dark { 20 } else { 240 };
                match color {
                    ColorType::Grayscale => pixels.push(shade),
                    ColorType::Rgba if dark => pixels.extend([0, 0, 0, 255]),
                    ColorType::Rgba => pixels.extend([0, 0, 0, 0]),
                    _ => pixels.extend([shade; 3]),
                }
            }
        }
        let mut bytes = Vec::new();
        let size = |length: usize| u32::try_from(length).unwrap();
        let mut encoder = png::Encoder::new(&mut bytes, size(width), size(side));
        encoder.set_color(color);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        bytes
    }

    fn png_of(grey: &Grey) -> Vec<u8> {
        let mut bytes = Vec::new();
        let size = |length: usize| u32::try_from(length).unwrap();
        let mut encoder = png::Encoder::new(&mut bytes, size(grey.width), size(grey.height()));
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&grey.pixels).unwrap();
        writer.finish().unwrap();
        bytes
    }

    /// As a messenger makes it smaller: each pixel the mean of the pixels that it was.
    fn shrunk(grey: &Grey, width: usize) -> Grey {
        const PARTS: usize = 8;
        let side = grey.width;
        let mut pixels = Vec::new();
        for y in 0..width {
            for x in 0..width {
                let at =
                    |place: usize, part: usize| (place * PARTS + part) * side / (width * PARTS);
                let parts =
                    (0..PARTS).flat_map(|down| (0..PARTS).map(move |across| (across, down)));
                let shades =
                    parts.map(|(across, down)| usize::from(grey.at(at(x, across), at(y, down))));
                pixels.push(u8::try_from(shades.sum::<usize>() / (PARTS * PARTS)).unwrap());
            }
        }
        Grey {
            width,
            pixels: Zeroizing::new(pixels),
        }
    }

    fn texts(bytes: &[u8]) -> Result<Vec<String>, PictureError> {
        let codes = read_codes(bytes)?;
        // EXPOSE: a test.
        let mut texts: Vec<String> = codes.iter().map(|code| code.expose().to_owned()).collect();
        texts.sort();
        Ok(texts)
    }

    #[test]
    fn codes_are_read_in_every_colour_and_size() {
        for color in [ColorType::Grayscale, ColorType::Rgb, ColorType::Rgba] {
            for scale in [2, 5, 40] {
                let bytes = drawn(&[URI], scale, color);
                assert_eq!(texts(&bytes), Ok(vec![URI.to_owned()]), "{color:?} {scale}");
            }
        }
    }

    #[test]
    fn codes_in_white_on_black_are_read() {
        for scale in [2, 5, 40] {
            let mut grey = read_png(&drawn(&[URI], scale, ColorType::Grayscale)).unwrap();
            grey.invert();
            assert_eq!(texts(&png_of(&grey)), Ok(vec![URI.to_owned()]), "{scale}");
        }
    }

    #[test]
    fn codes_that_were_made_small_are_read() {
        let large = read_png(&drawn(&[URI], 10, ColorType::Grayscale)).unwrap();
        let modules = large.width / 10;
        let mut unseen = 0;
        for tenths in 19..=30 {
            let small = shrunk(&large, modules * tenths / 10);
            unseen += usize::from(small.codes_as_shown().is_empty());
            let found = texts(&png_of(&small));
            assert_eq!(found, Ok(vec![URI.to_owned()]), "{tenths}");
        }
        assert!(unseen > 0, "what this is about");
    }

    /// Of other programs: in colours and in shades, in passes and all at once.
    #[test]
    fn photos_and_pictures_in_passes_are_read() {
        for bytes in [
            &include_bytes!("../../fuzz/corpus/picture/photo-jpg")[..],
            include_bytes!("../../fuzz/corpus/picture/color-jpg"),
            include_bytes!("../../fuzz/corpus/picture/interlaced-png"),
            include_bytes!("../../fuzz/corpus/picture/small-png"),
        ] {
            let found = texts(bytes).unwrap();
            assert_eq!(found.len(), 1);
            assert!(found[0].contains("secret=JBSWY3DPEHPK3PXP"), "{found:?}");
        }
        let photo = include_bytes!("../../fuzz/corpus/picture/photo-jpg");
        assert!(texts(&photo[..photo.len() / 2]).is_err());
    }

    #[test]
    fn several_codes_of_one_picture_are_all_read() {
        let other = "otpauth://totp/b?secret=JBSWY3DPEHPK3PXP";
        let bytes = drawn(&[URI, other], 4, ColorType::Rgb);
        assert_eq!(texts(&bytes), Ok(vec![URI.to_owned(), other.to_owned()]));
    }

    #[test]
    fn what_is_no_picture_or_none_of_a_code_is_told() {
        assert_eq!(texts(b"otpauth://").err(), Some(PictureError::Unknown));
        let mut blank = Vec::new();
        let mut encoder = png::Encoder::new(&mut blank, 100, 100);
        encoder.set_color(ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[255; 10_000]).unwrap();
        writer.finish().unwrap();
        assert_eq!(texts(&blank).err(), Some(PictureError::NoCode));
    }

    #[test]
    fn pictures_of_other_formats_are_known_and_texts_are_none() {
        for bytes in [
            &b"GIF89a\x01\0"[..],
            b"RIFF\x24\0\0\0WEBPVP8 ",
            b"BM\x8a\0\0\0\0\0\0\0\x8a\0\0\0\x7c\0\0\0",
            b"II*\0\x08\0\0\0",
            b"MM\0*\0\0\0\x08",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            b"\0\0\0\x20ftypavif\0\0\0\0avifmif1",
        ] {
            assert!(is_picture(bytes), "{bytes:?}");
            assert_eq!(texts(bytes).err(), Some(PictureError::OtherFormat));
        }
        for text in [
            &b"BMW,user,password\n"[..],
            b"GIF,url\n",
            b"IItitle",
            b"RIFFtitle,url",
            b"",
        ] {
            assert!(!is_picture(text), "{text:?}");
        }
    }

    /// Four components in a header without a mark of what they are.
    #[test]
    fn colours_of_print_are_named_and_not_called_damage() {
        let mut bytes = b"\xff\xd8".to_vec();
        let table = [&b"\xff\xdb\0\x43\0"[..], &[1; 64]].concat();
        bytes.extend(table);
        bytes.extend(b"\xff\xc0\0\x14\x08\0\x20\0\x20\x04");
        (1..=4).for_each(|number| bytes.extend([number, 0x11, 0]));
        bytes.extend(b"\xff\xda\0\x0e\x04");
        (1..=4).for_each(|number| bytes.extend([number, 0]));
        bytes.extend(b"\0\x3f\0\0\0\xff\xd9");
        assert_eq!(texts(&bytes).err(), Some(PictureError::Colours));
    }

    #[test]
    fn a_picture_that_is_cut_off_is_refused() {
        let bytes = drawn(&[URI], 4, ColorType::Rgb);
        // The last chunk says nothing but that it is the last.
        for cut in 8..bytes.len() - 12 {
            assert!(texts(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    /// A small file that unpacks to a large picture.
    #[test]
    fn a_picture_that_says_it_is_large_is_refused_before_it_is_unpacked() {
        let mut bytes = drawn(&[URI], 2, ColorType::Grayscale);
        for (width, height) in [
            (12_001_u32, 10_u32),
            (10, 12_001),
            (12_000, 12_000),
            (u32::MAX, 1),
        ] {
            bytes[16..20].copy_from_slice(&width.to_be_bytes());
            bytes[20..24].copy_from_slice(&height.to_be_bytes());
            let checksum = crc32(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
            let refused = texts(&bytes).err();
            let is_refused = matches!(
                refused,
                Some(PictureError::TooLarge | PictureError::Damaged)
            );
            assert!(is_refused, "{width} {height} {refused:?}");
        }
    }

    /// As PNG has it (ISO 3309).
    fn crc32(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            }
        }
        !crc
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn noise_makes_nothing_panic(seed in any::<u64>(), width in 1_usize..120, height in 1_usize..120) {
            let mut state = seed | 1;
            let pixels: Vec<u8> = (0..width * height)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    if state & 1 == 0 { 0 } else { 255 }
                })
                .collect();
            let mut grey = Grey { width, pixels: Zeroizing::new(pixels) };
            let _ = grey.codes();
            let _ = grey.enlarged(3).codes();
        }

        #[test]
        fn damaged_pictures_make_nothing_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = drawn(&[URI], 3, ColorType::Rgb);
            let place = at.index(bytes.len());
            bytes[place] = byte;
            let _ = read_codes(&bytes);
        }

        #[test]
        fn bytes_that_begin_as_jpeg_make_nothing_panic(rest in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_codes(&[JPEG, &rest].concat());
        }
    }
}
